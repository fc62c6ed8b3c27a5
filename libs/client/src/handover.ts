import type { Link } from './link.js';
import type { Clock, TimerHandle } from './ports.js';

/** The next connection, which is opened while the present one still serves (PROTOCOL.md 10.8). */
export class Handover {
  readonly #clock: Clock;
  readonly #open: () => Link;
  #link: Link | undefined;
  #timer: TimerHandle;
  #isBusy = false;

  /** @param open - makes a connection. */
  constructor(clock: Clock, open: () => Link) {
    this.#clock = clock;
    this.#open = open;
  }

  /** The present attempt. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Makes one attempt, unless there is one already. */
  attempt(waitMs: number): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const begin = (): void => {
      this.#link = this.#open();
      this.#link.start();
    };
    if (waitMs > 0) this.#timer = this.#clock.schedule(begin, waitMs);
    else begin();
  }

  /** The present attempt has failed, or has become the connection. */
  done(): void {
    this.#isBusy = false;
    this.#link = undefined;
  }

  stop(): void {
    this.#clock.cancel(this.#timer);
    this.#link?.close();
    this.done();
  }
}
