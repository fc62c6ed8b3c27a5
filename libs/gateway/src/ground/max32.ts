/**
 * The limits of `ws` and the timers of Node count by 32 bits; what is larger they would take for no limit, or for none
 * at all.
 */
export const max32 = 2_147_483_647;
