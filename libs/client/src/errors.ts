import { type ErrorData, parseError } from '@holdfast/protocol';

/**
 * What the client itself refuses or gives up, by code. Codes of the server are those of the catalogue
 * (PROTOCOL.md 14) and of the application.
 *
 * @publicApi
 */
export type ClientErrorCode =
  /** An option of `createClient` cannot be used; the message says which and what is allowed. */
  | 'BAD_OPTION'
  /** The client was closed, or has failed, before the request was answered. It may have had its effect. */
  | 'CLOSED'
  /** The connection ended after the request was sent. It may have had its effect (PROTOCOL.md 4.9). */
  | 'CONNECTION_LOST'
  /** No answer in time. Unless it was still waiting to be sent, it may have had its effect. */
  | 'REQUEST_TIMEOUT'
  /** The signal of the request was aborted; `cause` is its reason. */
  | 'ABORTED'
  /** More is waiting to be sent than the outbox may hold. */
  | 'OUTBOX_FULL'
  /** The data is larger than the server accepts, which would have ended the connection. */
  | 'PAYLOAD_TOO_LARGE'
  /** The data cannot be expressed in JSON; `cause` is what the serializer threw. */
  | 'UNENCODABLE'
  /** The server sent a frame that cannot be used; it was dropped (PROTOCOL.md 7.6). */
  | 'MALFORMED_FRAME'
  /** The token provider threw, or gave what is no token; `cause` is what it threw, or says what a token is. */
  | 'TOKEN_PROVIDER_FAILED';

/**
 * Why something did not work: by the client itself ({@link ClientErrorCode}) or by the server's `$error`. Decide by
 * `code`, show `message` to developers.
 *
 * @publicApi
 */
export class HoldfastError extends Error {
  // `declare`, because a field that the constructor sets anyway is only more for browsers to load.
  override readonly name = 'HoldfastError';
  /** A {@link ClientErrorCode}, a code of the server's catalogue (PROTOCOL.md 14), or one of the application. */
  declare readonly code: ClientErrorCode | (string & {});
  /** What exactly was wrong, where the server says so. */
  declare readonly details?: unknown;
  /** Trying again is pointless for this many milliseconds, where the server says so. */
  declare readonly retryAfterMs?: number;

  constructor(
    code: ClientErrorCode | (string & {}),
    message: string,
    more: { cause?: unknown; details?: unknown; retryAfterMs?: number } = {},
  ) {
    super(message, more);
    this.code = code;
    this.details = more.details;
    this.retryAfterMs = more.retryAfterMs;
  }
}

export function aborted(signal: AbortSignal | undefined): HoldfastError {
  return new HoldfastError('ABORTED', 'The request was aborted', { cause: signal?.reason });
}

/** What a server's `$error` says; one that cannot be read is an error all the same. */
export function errorOf(data: unknown): HoldfastError {
  const read = parseError(data);
  const error: ErrorData = read.ok ? read.value : read.error;
  return new HoldfastError(error.code, error.message, error);
}
