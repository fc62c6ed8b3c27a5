/** Injects {@link ResolvedOptions}. */
export const HOLDFAST_OPTIONS = Symbol('HOLDFAST_OPTIONS');
/** Injects the {@link Random} that jitter is drawn from. Override it in a test to repeat a run. */
export const HOLDFAST_RANDOM = Symbol('HOLDFAST_RANDOM');
/** Injects the application's own authenticator, or null. */
export const OWN_AUTHENTICATOR = Symbol('OWN_AUTHENTICATOR');
