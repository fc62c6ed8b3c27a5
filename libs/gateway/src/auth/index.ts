export { authContradictions, AuthOptions, resolveAuthOptions, type ResolvedAuthOptions } from './auth-options.js';
export { AuthGuard } from './auth.guard.js';
export { HOLDFAST_AUTH_OPTIONS } from './auth.tokens.js';
export { Authenticator } from './authenticator.js';
export { ExpiryWatch } from './expiry-watch.js';
export { JwtAuthenticator } from './jwt-authenticator.js';
export { TokenRefresh } from './token-refresh.js';
export { extractToken, redactUrl } from './token-sources.js';
export { UnconfiguredAuthenticator } from './unconfigured-authenticator.js';
