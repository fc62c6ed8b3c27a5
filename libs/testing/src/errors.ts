import type { IncomingHttpHeaders } from 'node:http';

/** Codes of the errors of this package; a {@link RequestFailed} carries the server's code instead. */
export type TestingErrorCode = 'HANDSHAKE_REFUSED' | 'CONNECTION_ENDED' | 'TIMED_OUT';

/**
 * Base of every error that this package throws.
 *
 * @publicApi
 */
export abstract class TestingError extends Error {
  /** Literal per class; for {@link RequestFailed} the code that the server sent. */
  abstract readonly code: string;

  override get name(): string {
    return this.constructor.name;
  }
}

/**
 * The server answered the upgrade request with an ordinary HTTP response.
 *
 * @publicApi
 */
export class HandshakeRefused extends TestingError {
  readonly code = 'HANDSHAKE_REFUSED' satisfies TestingErrorCode;

  constructor(
    /** HTTP status, for example 401. */
    readonly status: number,
    /** Response headers, lower-cased names. */
    readonly headers: Readonly<IncomingHttpHeaders>,
    /** The body: parsed when it is JSON, else its text. */
    readonly body: unknown,
  ) {
    super(`the server refused the handshake with ${status}: ${JSON.stringify(body)}`);
  }
}

/**
 * The connection ended, or could not be made, while something was still expected from it.
 *
 * @publicApi
 */
export class ConnectionEnded extends TestingError {
  readonly code = 'CONNECTION_ENDED' satisfies TestingErrorCode;

  constructor(
    /** Close code; 1006 when there was no close frame (RFC 6455, 7.1.5). */
    readonly closeCode: number,
    /** Close reason, or an empty string. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`the connection ended with ${closeCode}${reason === '' ? '' : ` (${reason})`}`, options);
  }
}

/**
 * What was waited for did not come in time.
 *
 * @publicApi
 */
export class TimedOut extends TestingError {
  readonly code = 'TIMED_OUT' satisfies TestingErrorCode;
}

/**
 * The server answered a request with an error frame.
 *
 * @publicApi
 */
export class RequestFailed extends TestingError {
  constructor(
    readonly code: string,
    message: string,
    /** What the server added, for example the constraints that a payload broke. */
    readonly details: unknown,
    /** Trying again is pointless for this many milliseconds; undefined when the server did not say. */
    readonly retryAfterMs: number | undefined,
  ) {
    super(message);
  }
}
