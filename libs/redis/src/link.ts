/** A Lua script, and its SHA-1 by which a server knows it. */
export interface Script {
  readonly text: string;
  readonly sha1: string;
}

export type Argument = string | number | Uint8Array;

/** Receives what the connection for subscriptions brings. */
export interface LinkListener {
  message(channel: string, payload: Uint8Array): void;
  /** Messages may be lost from now on. */
  down(cause: Error): void;
  /** All channels are subscribed again. */
  up(): void;
}

/**
 * What the engine needs of a Redis client. Two connections: one for commands, and one for subscriptions. An adapter
 * repeats no command by itself, and holds none back until there is a connection: what was not sent is rejected at once.
 */
export interface RedisLink {
  /** Connects both. @throws LinkError with what the last attempt has met */
  open(listener: LinkListener, deadlineMs: number): Promise<void>;
  /** @returns the reply, with each string as a Buffer. @throws LinkError */
  command(name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown>;
  /** Resolves once the server has acknowledged. They are subscribed again after each loss of the connection. */
  subscribe(channels: readonly string[], deadlineMs: number): Promise<void>;
  unsubscribe(channels: readonly string[]): void;
  /** Replaces the connection for subscriptions, which brings nothing any more. */
  reconnect(): void;
  /** Leaves nothing behind, not on the server either, where it can be reached. */
  close(): Promise<void>;
}

/** A command that failed. */
export class LinkError extends Error {
  override readonly name = 'LinkError';

  /**
   * @param kind - `reply`: the server has answered by this error; `away`: no connection, or it was lost; `late`: no
   *   answer in time
   * @param wasSent - whether the server may have run it
   */
  constructor(
    readonly kind: 'reply' | 'away' | 'late',
    readonly wasSent: boolean,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The same bytes, as the only kind of them that both libraries take. */
export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
