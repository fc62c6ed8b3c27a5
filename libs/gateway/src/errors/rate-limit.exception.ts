import { HoldfastException } from './holdfast.exception.js';

/**
 * A message came too soon. The peer is told when the next one may come.
 *
 * @publicApi
 */
export class RateLimitException extends HoldfastException {
  constructor(
    /** Milliseconds until the same message would be let through. */
    readonly retryAfterMs: number,
  ) {
    super('RATE_LIMITED', 'Too many messages');
  }
}
