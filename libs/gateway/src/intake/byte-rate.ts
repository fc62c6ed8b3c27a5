import { type Clock, Deadline, type WheelTask } from '../ground/index.js';

/** Whose bytes are counted. */
export interface ByteRateOwner {
  pause(reason: 'byteRate'): void;
  resume(reason: 'byteRate'): void;
  after(task: WheelTask, delayMs: number): void;
}

/**
 * Limits the bytes one connection sends per second. Above it the socket is not read for a while: TCP slows the peer
 * down and nothing is lost. The clock is only read when the allowance is used up, so that after a rest two seconds'
 * worth may come at once.
 */
export class ByteRate {
  readonly #rested: Deadline;
  #left: number;
  #filledAt: number;

  constructor(
    private readonly owner: ByteRateOwner,
    private readonly bytesPerSecond: number,
    private readonly clock: Clock,
  ) {
    this.#left = bytesPerSecond;
    this.#filledAt = clock.now();
    this.#rested = new Deadline(() => {
      this.#fill();
      owner.resume('byteRate');
    });
  }

  /** Bytes have come: messages or parts of them, pings, headers of frames, whatever it is. */
  spend(bytes: number): void {
    if (bytes > this.#left) this.#fill();
    this.#left -= bytes;
    if (this.#left >= 0) return;
    this.owner.pause('byteRate');
    this.owner.after(this.#rested, (-this.#left / this.bytesPerSecond) * 1000);
  }

  #fill(): void {
    const now = this.clock.now();
    const earned = ((now - this.#filledAt) / 1000) * this.bytesPerSecond;
    this.#left = Math.min(this.bytesPerSecond, this.#left + earned);
    this.#filledAt = now;
  }
}
