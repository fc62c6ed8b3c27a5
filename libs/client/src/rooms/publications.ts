import { HoldfastError } from '../errors.js';
import type { RoomPublication } from './room-state.js';

type Result = IteratorResult<RoomPublication, undefined>;

/** As many wait for a loop that does not keep up. */
const mostWaiting = 1_000;

/** The publications of a room for one `for await`. */
export class Publications implements AsyncIterableIterator<RoomPublication> {
  readonly #ended: () => void;
  readonly #waiting: RoomPublication[] = [];
  readonly #asking: { resolve: (result: Result) => void; reject: (error: HoldfastError) => void }[] = [];
  #error: HoldfastError | undefined;
  #isOver = false;

  constructor(ended: () => void) {
    this.#ended = ended;
  }

  push(publication: RoomPublication): void {
    const asking = this.#asking.shift();
    if (asking) asking.resolve({ value: publication });
    else if (this.#waiting.push(publication) > mostWaiting) {
      this.#error = new HoldfastError('OUTBOX_FULL', `More than ${mostWaiting} publications wait for this loop`);
      void this.return();
    }
  }

  next(): Promise<Result> {
    const value = this.#waiting.shift();
    if (value) return Promise.resolve({ value });
    if (this.#error) return Promise.reject(this.#error);
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#asking.push({ resolve, reject }));
  }

  return(): Promise<Result> {
    this.#isOver = true;
    this.#ended();
    for (const { resolve } of this.#asking.splice(0)) resolve({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
