import { HoldfastException } from '../errors/index.js';

/** Limits the joins that one client asks for, in windows of a second. */
export class JoinRate {
  #windowEndsAt = 0;
  #used = 0;

  constructor(private readonly perSecond: number) {}

  /**
   * @param now - monotonic, in milliseconds.
   * @throws HoldfastException `RATE_LIMITED`
   */
  take(now: number): void {
    if (now >= this.#windowEndsAt) {
      this.#windowEndsAt = now + 1_000;
      this.#used = 0;
    }
    if (++this.#used > this.perSecond)
      throw new HoldfastException('RATE_LIMITED', `At most ${this.perSecond} joins a second`);
  }
}
