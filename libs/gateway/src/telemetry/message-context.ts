import { AsyncLocalStorage } from 'node:async_hooks';
import type { Connection } from '../connection/index.js';

/** What is being handled where the code runs now. */
export interface MessageContext {
  readonly connection: Connection;
}

let storage: AsyncLocalStorage<MessageContext> | undefined;

/**
 * Lets {@link currentMessage} know, from now on and in this whole process. Following asynchronous work has a price on
 * every promise of the process, so it is not paid before somebody, like {@link HoldfastLogger}, asks for it.
 */
export function followMessages(): void {
  storage ??= new AsyncLocalStorage();
}

/**
 * The connection whose message, hook or handshake is being handled here; undefined elsewhere, and before
 * {@link followMessages} was called.
 *
 * @publicApi
 */
export function currentMessage(): MessageContext | undefined {
  return storage?.getStore();
}

/** Runs `work` so that it, and everything asynchronous it begins, knows its connection. */
export function runFor<T>(connection: Connection, work: () => T): T {
  return storage ? storage.run({ connection }, work) : work();
}

export function isFollowing(): boolean {
  return storage !== undefined;
}
