import { type ErrorData, parseError } from '@holdfast/protocol';

/**
 * Codes of errors that the client itself makes. Codes of the server are those of the catalogue
 * (PROTOCOL.md 14) and of the application.
 *
 * @publicApi
 */
export type ClientErrorCode =
  /** An option of `createClient` or of a request is invalid or unknown; the message names it and what is allowed. */
  | 'BAD_OPTION'
  /** The client was closed, or has failed, before the request was answered. The server may have run it. */
  | 'CLOSED'
  /** The connection ended after the request was sent. The server may have run it (PROTOCOL.md 4.9). */
  | 'CONNECTION_LOST'
  /** No answer in time. If the request was sent, the server may have run it. */
  | 'REQUEST_TIMEOUT'
  /** The signal of the request was aborted; `cause` is its reason. */
  | 'ABORTED'
  /** The outbox is full. */
  | 'OUTBOX_FULL'
  /** The data is larger than the server accepts. It was not sent, as the server would have closed the connection. */
  | 'PAYLOAD_TOO_LARGE'
  /**
   * The data cannot be expressed in JSON, or would lose something: it is or contains a function, a symbol, binary data,
   * a Map, a Set or a promise. The message names it; `cause` is what the serializer threw.
   */
  | 'UNENCODABLE'
  /** The server sent an invalid frame; it was dropped (PROTOCOL.md 7.6). */
  | 'MALFORMED_FRAME'
  /** The token provider threw, or returned something that is not a token; `cause` has the error. */
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
