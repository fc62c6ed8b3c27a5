import type { Clock } from '@holdfast/backplane';
import type { PubSub } from './pub-sub.js';

/** A Lua script, and its SHA-1 by which a server knows it. */
export interface Script {
  readonly text: string;
  readonly sha1: string;
}

export type Argument = string | number | Uint8Array;

/** Receives what subscriptions bring. */
export interface LinkListener {
  message(channel: string, payload: Uint8Array): void;
  /** Messages to these channels may be lost from now on. */
  down(channels: readonly string[] | 'all', cause: Error): void;
  /** These channels are subscribed again. */
  up(channels: readonly string[] | 'all'): void;
}

/** What a link is opened with. */
export interface LinkSetup {
  readonly listener: LinkListener;
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** A channel of this node alone, by which a link tries whether subscriptions work; in a cluster it has this tag. */
  readonly probeChannel: (tag: string) => string;
}

/**
 * What the engine needs of Redis: one server, the primary of several that Sentinel watches, or the masters of a
 * cluster. Nothing is repeated that may have been carried out, and nothing held back until there is a connection: what
 * was not sent is rejected.
 */
export interface RedisLink {
  /** How messages are published and subscribed to here. */
  readonly pubSub: PubSub;
  /** Connects. @throws LinkError with what the last attempt has met */
  open(setup: LinkSetup): Promise<void>;
  /**
   * @param key - a key or channel that the command concerns; of those of one command all are in one slot
   * @returns the reply, with each string as a Buffer
   * @throws LinkError
   */
  command(key: string, name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown>;
  /** The reply to `INFO` of each server that takes writes. @throws LinkError */
  infos(deadlineMs: number): Promise<readonly string[]>;
  /** Resolves once acknowledged. They are subscribed again after each loss of a connection. @throws LinkError */
  subscribe(channels: readonly string[], deadlineMs: number): Promise<void>;
  unsubscribe(channels: readonly string[]): void;
  /** Leaves nothing behind, not on a server either, where it can be reached. */
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

/**
 * What has become of a command.
 *
 * @param isReply - whether the error of the library is what the server has answered
 */
export function asLinkError(error: unknown, wasSent: boolean, isReply: (error: Error) => boolean): LinkError {
  if (error instanceof LinkError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  if (isReply(cause)) return new LinkError('reply', true, cause.message, { cause });
  return new LinkError('away', wasSent, `Redis cannot be reached: ${cause.message}`, { cause });
}

/** The same bytes, as the only kind of them that both libraries take. */
export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
