import type { Observable, Subscription } from 'rxjs';

/** Where the values of a stream go. */
export interface StreamSink {
  next(value: unknown): void;
  /** It has ended: after {@link begun} with nothing, else with the only value it had, which is an ordinary reply. */
  finished(value: unknown): void;
  error(error: unknown): void;
  /** The handler has done its part: the next message may have its turn. */
  begun(): void;
  /** Whether the stream may go on living beside other messages. */
  mayStream(): boolean;
}

/**
 * Answers a request with an observable. Interceptors make an observable of every handler, so one value followed by the
 * end in the same turn is taken for what it is, a reply; anything else is a stream (PROTOCOL.md, streams).
 */
export class StreamReply {
  #subscription: Subscription | undefined;
  #held: { readonly value: unknown } | undefined;
  #state: 'waiting' | 'holding' | 'streaming' | 'over' = 'waiting';

  constructor(private readonly sink: StreamSink) {}

  get isStreaming(): boolean {
    return this.#state === 'streaming';
  }

  /** @param isStream - it is known to be a stream, so that nothing has to wait for its first value. */
  subscribe(source: Observable<unknown>, isStream: boolean): void {
    this.#subscription = source.subscribe({
      next: (value) => {
        this.#next(value);
      },
      error: (error: unknown) => {
        if (this.#finish()) this.sink.error(error);
      },
      complete: () => {
        this.#complete();
      },
    });
    // A source that ended while it was being subscribed to has left nothing to cancel.
    if (this.#state === 'over') this.#subscription.unsubscribe();
    else if (isStream && this.#state === 'waiting') this.#stream();
  }

  cancel(): void {
    this.#state = 'over';
    this.#subscription?.unsubscribe();
  }

  #next(value: unknown): void {
    if (this.#state === 'over') return;
    if (this.#state === 'streaming') {
      this.sink.next(value);
      return;
    }
    if (this.#state === 'waiting') {
      this.#state = 'holding';
      this.#held = { value };
      queueMicrotask(() => {
        if (this.#state === 'holding') this.#stream();
      });
      return;
    }
    this.#stream();
    // It may not have been allowed to go on, or its first value may have ended it.
    if (this.isStreaming) this.sink.next(value);
  }

  #stream(): void {
    const first = this.#held;
    this.#held = undefined;
    if (!this.sink.mayStream()) {
      this.cancel();
      return;
    }
    this.#state = 'streaming';
    this.sink.begun();
    if (first) this.sink.next(first.value);
  }

  #complete(): void {
    const only = this.#held;
    if (this.#finish()) this.sink.finished(only?.value);
  }

  #finish(): boolean {
    if (this.#state === 'over') return false;
    this.#state = 'over';
    this.#held = undefined;
    return true;
  }
}
