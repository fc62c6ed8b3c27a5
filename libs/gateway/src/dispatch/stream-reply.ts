import { type Observable, type Observer, Subscription, type TeardownLogic, UnsubscriptionError } from 'rxjs';

/** Where the values of a stream go. */
export interface StreamSink {
  next(value: unknown): void;
  /** It has ended: after {@link begun} with nothing, else with the only value it had, which is an ordinary reply. */
  finished(value: unknown): void;
  /** @param value - the only value it had before, which was not sent; undefined if there was none. */
  error(error: unknown, value: unknown): void;
  /** The handler has done its part: the next message may have its turn. */
  begun(): void;
  /** Whether the stream may go on living beside other messages. */
  mayStream(): boolean;
  /** What the application does when a stream is over has thrown. Called once for each that does. */
  teardownFailed(error: unknown): void;
}

/**
 * Answers a request with an observable. Interceptors make an observable of every handler, so one value followed by the
 * end in the same turn is taken for what it is, a reply; anything else is a stream (PROTOCOL.md, streams).
 *
 * It is its own subscription: RxJS throws what a teardown throws at the one that ends a stream, which is a timer of the
 * source when it completes and the end of a socket when the client leaves. Here it goes to the sink.
 */
export class StreamReply extends Subscription implements Observer<unknown> {
  #held: { readonly value: unknown } | undefined;
  #state: 'waiting' | 'holding' | 'streaming' | 'over' = 'waiting';

  constructor(private readonly sink: StreamSink) {
    super();
  }

  get isStreaming(): boolean {
    return this.#state === 'streaming';
  }

  /** @param isStream - it is known to be a stream, so that nothing has to wait for its first value. */
  start(source: Observable<unknown>, isStream: boolean): void {
    try {
      // An observable of another library than RxJS makes a subscription of its own.
      this.add(source.subscribe(this));
    } catch (error) {
      this.error(error);
    }
    if (isStream && this.#state === 'waiting') this.#stream();
  }

  cancel(): void {
    this.#state = 'over';
    this.#held = undefined;
    this.unsubscribe();
  }

  next(value: unknown): void {
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

  error(error: unknown): void {
    const only = this.#held;
    if (this.#finish()) this.sink.error(error, only?.value);
    this.unsubscribe();
  }

  complete(): void {
    const only = this.#held;
    if (this.#finish()) this.sink.finished(only?.value);
    this.unsubscribe();
  }

  override unsubscribe(): void {
    try {
      super.unsubscribe();
    } catch (error) {
      this.#teardownFailed(error);
    }
  }

  /** A teardown that comes when the stream is over is called at once. */
  override add(teardown: TeardownLogic): void {
    try {
      super.add(teardown);
    } catch (error) {
      this.#teardownFailed(error);
    }
  }

  #teardownFailed(error: unknown): void {
    const errors: readonly unknown[] = error instanceof UnsubscriptionError ? error.errors : [error];
    for (const each of errors) this.sink.teardownFailed(each);
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

  #finish(): boolean {
    if (this.#state === 'over') return false;
    this.#state = 'over';
    this.#held = undefined;
    return true;
  }
}
