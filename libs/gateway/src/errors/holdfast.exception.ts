import type { ErrorCode } from '@holdfast/protocol';

/**
 * Thrown by a handler, pipe, guard or interceptor to choose the error frame its peer gets.
 *
 * @example throw new HoldfastException('CONFLICT', 'The order was changed meanwhile', { version: 7 });
 * @publicApi
 */
export class HoldfastException extends Error {
  override readonly name = 'HoldfastException';

  constructor(
    /** A code of the catalogue in PROTOCOL.md. */
    readonly code: ErrorCode,
    /** Sent to the peer as it is. */
    message: string,
    /** Sent to the peer as it is; must be expressible in JSON. */
    readonly details?: unknown,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
