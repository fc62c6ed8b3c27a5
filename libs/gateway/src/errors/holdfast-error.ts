/** Codes of errors that Holdfast throws at its caller in the same process (codes that travel are in PROTOCOL.md). */
export type HoldfastErrorCode =
  | 'INVALID_OPTIONS'
  | 'INVALID_GATEWAY'
  | 'INVALID_CLOSE_CODE'
  | 'INVALID_EVENT_NAME'
  | 'INVALID_DATA'
  | 'INVALID_PUBLICATION'
  | 'PUBLICATION_TOO_LARGE'
  | 'NOT_SENT'
  | 'UNSUPPORTED'
  | 'ADAPTER_REPLACED'
  | 'PORT_UNAVAILABLE';

/**
 * Base of every error Holdfast throws; tell them apart by `code`.
 *
 * @publicApi
 */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';

  constructor(
    readonly code: HoldfastErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
