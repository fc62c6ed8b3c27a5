/**
 * Injects the {@link ResolvedAuthOptions}. Provided, with defaults, also beside an Authenticator of the application's
 * own.
 */
export const HOLDFAST_AUTH_OPTIONS = Symbol('HOLDFAST_AUTH_OPTIONS');
