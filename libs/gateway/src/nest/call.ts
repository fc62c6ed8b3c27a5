/** The pattern that guards, interceptors and filters see during the handshake, see `WsArgumentsHost.getPattern()`. */
export const CONNECT_PATTERN = '$connect';

/**
 * What travels as the fourth argument of Nest's chain for a message. A filter, which Nest gives no way to answer, says
 * here what went wrong; and code that is given the arguments knows by it that the gateway has dispatched them.
 */
export class Call {
  failure: { readonly error: unknown } | undefined;
  /** A filter of the application sent something in place of the error; only a request's id still has to be answered. */
  handledByFilter = false;
  /** Set while an asynchronous filter works. */
  filtering: Promise<void> | undefined;

  failed(error: unknown): void {
    this.failure = { error };
  }
}

/** The arguments that guards, interceptors and filters of a message see before Nest adds the pattern. */
export type MessageArguments = [connection: object, data: unknown, event: string, call: Call];

/** Nest's chain of guards, interceptors, pipes, handler and filters, bound to one connection. */
export type NestCallback = (
  data: unknown,
  event: string,
  call: Call,
  acknowledge?: (data: unknown) => void,
) => Promise<unknown>;
