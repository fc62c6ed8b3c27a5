import type { Argument } from './link.js';

/** Receives what the connection for subscriptions to one server brings. */
export interface ServerListener {
  message(channel: string, payload: Uint8Array): void;
  /** Messages may be lost from now on. */
  down(cause: Error): void;
  /** All channels are subscribed again. */
  up(): void;
  /** The server has ended subscriptions: their slot belongs to another one now. */
  moved(): void;
}

/**
 * What a client library has to offer for one server, or for the one that Sentinel calls the primary. Two connections:
 * one for commands, and one for subscriptions. It repeats no command by itself, and holds none back until there is a
 * connection: what was not sent is rejected at once.
 */
export interface ServerLink {
  /** Connects both. @throws LinkError with what the last attempt has met */
  open(listener: ServerListener, deadlineMs: number): Promise<void>;
  /** Sent before it returns. @returns the reply, with each string as a Buffer. @throws LinkError */
  command(name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown>;
  /** Resolves once the server has acknowledged. They are subscribed again after each loss of the connection. */
  subscribe(channels: readonly string[], deadlineMs: number): Promise<void>;
  unsubscribe(channels: readonly string[]): void;
  /** Replaces the connection for subscriptions, which brings nothing any more. */
  reconnect(): void;
  /** Leaves nothing behind, not on the server either, where it can be reached. */
  close(): Promise<void>;
}
