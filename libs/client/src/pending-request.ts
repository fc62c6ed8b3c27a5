import { callSafely } from './emitter.js';
import { aborted, HoldfastError } from './errors.js';
import { type Clock, type TimerHandle } from './ports.js';

/**
 * Options of a request.
 *
 * @publicApi
 */
export interface RequestOptions<R = unknown> {
  /** Milliseconds to wait for the answer, or for the first value of a stream. Default: `requestTimeoutMs`. Infinity: for ever. */
  timeoutMs?: number;
  /** Gives the request up: it rejects with `ABORTED`. What was sent already may have its effect. */
  signal?: AbortSignal;
  /** Called with each value of a stream; the request is answered with the last one when the stream ends. */
  onNext?: (value: R) => void;
}

/** One request without an answer, with its timer and signal. */
export class PendingRequest {
  readonly promise: Promise<unknown>;
  isSent = false;
  readonly #options: RequestOptions;
  readonly #clock: Clock;
  readonly #onSettled: () => void;
  #resolve!: (value: unknown) => void;
  #reject!: (error: HoldfastError) => void;
  #last: unknown = undefined;
  readonly #timer: TimerHandle;

  constructor(options: RequestOptions, timeoutMs: number, clock: Clock, onSettled: () => void) {
    this.#options = options;
    this.#clock = clock;
    this.#onSettled = onSettled;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const late = (): void => this.fail(new HoldfastError('REQUEST_TIMEOUT', `No answer within ${timeoutMs} ms`));
    this.#timer = clock.schedule(late, timeoutMs);
    options.signal?.addEventListener('abort', this.#abort);
  }

  get isStream(): boolean {
    return this.#options.onNext !== undefined;
  }

  /** One value of a stream, which from now on may take its time. */
  next(value: unknown): void {
    this.#clock.cancel(this.#timer);
    this.#last = value;
    callSafely(() => this.#options.onNext?.(value));
  }

  /** The stream is complete. */
  end(): void {
    this.succeed(this.#last);
  }

  succeed(value: unknown): void {
    this.#settle();
    this.#resolve(value);
  }

  fail(error: HoldfastError): void {
    this.#settle();
    this.#reject(error);
  }

  readonly #abort = (): void => this.fail(aborted(this.#options.signal));

  #settle(): void {
    this.#clock.cancel(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#onSettled();
  }
}
