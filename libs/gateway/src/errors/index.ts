export { AuthenticationError, AuthenticatorUnavailableError } from './authentication-error.js';
export { HoldfastError } from './holdfast-error.js';
export { HoldfastException } from './holdfast.exception.js';
export { RateLimitException } from './rate-limit.exception.js';
export { refuseAssignment, refuseMethods, unsupported } from './unsupported.js';
