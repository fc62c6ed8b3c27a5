import { TimedOut } from './errors.js';

interface Waiter<T> {
  /** True when the item was what this waiter was waiting for; the item is then gone. */
  offer(item: T): boolean;
  fail(error: Error): void;
}

/** Keeps everything that arrives until it is asked for, so that nothing is missed between two awaits. */
export class Inbox<T> {
  #items: T[] = [];
  readonly #waiters = new Set<Waiter<T>>();
  #end: Error | undefined;

  push(item: T): void {
    for (const waiter of this.#waiters) {
      if (waiter.offer(item)) return;
    }
    this.#items.push(item);
  }

  /** Nothing more will come: who waits, or asks for more than is here, gets `error`. */
  close(error: Error): void {
    if (this.#end) return;
    this.#end = error;
    for (const waiter of this.#waiters) waiter.fail(error);
  }

  /** What has arrived and was not yet taken, oldest first. */
  waiting(): readonly T[] {
    return this.#items;
  }

  /** The first item, here or to come, of which `pick` makes something. Others stay where they are. */
  take<U>(pick: (item: T) => U | undefined, timeoutMs: number, describe: () => string): Promise<U> {
    for (const [index, item] of this.#items.entries()) {
      const picked = pick(item);
      if (picked === undefined) continue;
      this.#items.splice(index, 1);
      return Promise.resolve(picked);
    }
    if (this.#end) return Promise.reject(this.#end);
    return new Promise<U>((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter<T> = {
        offer: (item) => {
          const picked = pick(item);
          if (picked === undefined) return false;
          settle();
          resolve(picked);
          return true;
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        waiter.fail(new TimedOut(`${describe()} did not come within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }
}
