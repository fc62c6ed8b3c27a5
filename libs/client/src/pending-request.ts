import type { Envelope } from '@holdfast/protocol';
import { callSafely } from './emitter.js';
import { aborted, errorOf, HoldfastError } from './errors.js';
import type { Clock, TimerHandle } from './ports.js';

/**
 * Options of a request.
 *
 * @publicApi
 */
export interface RequestOptions<R = unknown> {
  /**
   * Milliseconds to wait for the answer, or for the first value of a stream. Default: `requestTimeoutMs`. Infinity: for
   * ever.
   */
  timeoutMs?: number;
  /** Gives the request up: it rejects with `ABORTED`. What was sent already may have its effect. */
  signal?: AbortSignal;
  /** Called with each value of a stream; the request is answered with the last one when the stream ends. */
  onNext?: (value: R) => void;
}

/** One request without an answer, with its timer and signal. */
export class PendingRequest {
  readonly promise: Promise<unknown>;
  /** The connection. */
  sentOn: object | undefined;
  readonly #options: RequestOptions;
  readonly #clock: Clock;
  readonly #onSettled: () => void;
  #resolve!: (value: unknown) => void;
  #reject!: (error: HoldfastError) => void;
  #last: unknown;
  readonly #timer: TimerHandle;

  constructor(options: RequestOptions, timeoutMs: number, clock: Clock, hint: () => string, onSettled: () => void) {
    // First, and away last: whatever signal it is, nothing is left behind when that throws.
    options.signal?.addEventListener('abort', this.#abort);
    this.#options = options;
    this.#clock = clock;
    this.#onSettled = onSettled;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const late = (): void => {
      this.fail(new HoldfastError('REQUEST_TIMEOUT', `No answer within ${timeoutMs} ms${hint()}`));
    };
    this.#timer = clock.schedule(late, timeoutMs);
  }

  /** An answer, or one value of a stream (PROTOCOL.md 4.2 to 4.4). */
  answer({ event, data }: Envelope): void {
    const { onNext } = this.#options;
    if (event === '$error') this.fail(errorOf(data));
    else if (event === '$end') this.#succeed(this.#last);
    // An answer under a name of its own is a value of the stream where one is expected, and otherwise all there is.
    else if (event === '$next' || (event !== '$reply' && onNext)) {
      // From now on it may take its time.
      this.#clock.cancel(this.#timer);
      this.#last = data;
      callSafely(() => onNext?.(data));
    } else this.#succeed(data);
  }

  fail(error: HoldfastError): void {
    this.#reject(error);
    this.#settle();
  }

  #succeed(value: unknown): void {
    this.#resolve(value);
    this.#settle();
  }

  readonly #abort = (): void => this.fail(aborted(this.#options.signal));

  #settle(): void {
    this.#clock.cancel(this.#timer);
    this.#onSettled();
    this.#options.signal?.removeEventListener('abort', this.#abort);
  }
}
