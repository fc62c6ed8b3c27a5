/**
 * Injects the {@link Clock} that every timed part of the gateway goes by. Override it in a test to move time by hand.
 *
 * @publicApi
 */
export const HOLDFAST_CLOCK = Symbol('HOLDFAST_CLOCK');
