/** `more` is what an event has besides its data. */
type AnyListener = (data: unknown, more?: never) => void;

/**
 * Calls listeners in the order in which events happened, also when one of them makes the next event happen, so that
 * nobody is told of `closed` before `open`.
 */
export class Emitter {
  readonly #subscriptions = new Set<{ readonly event: string; readonly listener: AnyListener }>();
  readonly #queue: (() => void)[] = [];

  /** Returns the end of the subscription. A function that is given twice is called twice. */
  on(event: string, listener: AnyListener): () => void {
    const subscription = { event, listener };
    this.#subscriptions.add(subscription);
    return () => void this.#subscriptions.delete(subscription);
  }

  /** Calls those that are there before the first is called, and not taken away by one of them. */
  emit(event: string, data: unknown, more?: unknown): void {
    this.afterwards(() => {
      for (const subscription of [...this.#subscriptions]) {
        if (subscription.event !== event || !this.#subscriptions.has(subscription)) continue;
        // Safe: whoever emits an event knows what its listeners take.
        callSafely(() => subscription.listener(data, more as never));
      }
    });
  }

  /** Runs `task` when everything that has happened so far has been told; at once, when it has. */
  afterwards(task: () => void): void {
    // When there are others, this one is called in its turn.
    if (this.#queue.push(task) > 1) return;
    for (const next of this.#queue) callSafely(next);
    this.#queue.length = 0;
  }
}

/** What a callback of the application throws is reported as if thrown in a timer, and disturbs nobody else. */
export function callSafely<T>(callback: () => T): T | undefined {
  try {
    return callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
    return undefined;
  }
}
