/**
 * Injects the {@link Clock} that every timed part of the gateway goes by. Override it in a test to move time by hand.
 *
 * @publicApi
 */
export const HOLDFAST_CLOCK = Symbol('HOLDFAST_CLOCK');

/**
 * Injects the {@link Random} that jitter is drawn from. Override it in a test to repeat a run.
 *
 * @publicApi
 */
export const HOLDFAST_RANDOM = Symbol('HOLDFAST_RANDOM');
