import type { LimitAlgorithm, LimitVerdict } from './limiter.js';

/**
 * What is remembered of one key under one algorithm. Times are whole milliseconds and never decrease; whole numbers
 * keep the arithmetic exact, without which `retryAfterMs` would be short by a rounding error now and then.
 *
 * @publicApi
 */
export interface Meter {
  /** @param cost - not above `limit`; 0 only reads */
  take(now: number, limit: number, cost: number): LimitVerdict;
  /** When forgetting the meter changes nothing any more. */
  readonly expiresAt: number;
}

/**
 * A meter that has counted nothing yet.
 *
 * @publicApi
 */
export function createMeter(algorithm: LimitAlgorithm, windowMs: number): Meter {
  switch (algorithm) {
    case 'fixed-window':
      return new FixedWindow(windowMs);
    case 'sliding-window':
      return new SlidingWindow(windowMs);
    case 'token-bucket':
      return new TokenBucket(windowMs);
  }
}

function allowed(remaining: number): LimitVerdict {
  return { allowed: true, remaining, retryAfterMs: 0 };
}

function refused(remaining: number, retryAfterMs: number): LimitVerdict {
  // A limit that was lowered meanwhile leaves less than nothing.
  return { allowed: false, remaining: Math.max(0, remaining), retryAfterMs };
}

class FixedWindow implements Meter {
  expiresAt = -Infinity;
  #used = 0;

  constructor(private readonly windowMs: number) {}

  take(now: number, limit: number, cost: number): LimitVerdict {
    if (now >= this.expiresAt) this.#used = 0;
    if (this.#used + cost > limit && cost > 0) return refused(limit - this.#used, this.expiresAt - now);
    if (this.#used === 0 && cost > 0) this.expiresAt = now + this.windowMs;
    this.#used += cost;
    return allowed(Math.max(0, limit - this.#used));
  }
}

/** Cells per window. More make the limit sharper and each key larger. */
const cellCount = 10;

/**
 * Counts by tenths of the window and looks back over the current cell and the ten before it, which cover at least the
 * window and at most a tenth more. The usual two buckets with a weighted estimate would let bursts exceed the limit, a
 * log of timestamps would grow with the limit.
 */
class SlidingWindow implements Meter {
  readonly #cells = new Array<number>(cellCount + 1).fill(0);
  #newest = 0;
  #used = 0;

  constructor(private readonly windowMs: number) {}

  get expiresAt(): number {
    return this.#used === 0 ? -Infinity : this.#leavesAt(this.#newest);
  }

  take(now: number, limit: number, cost: number): LimitVerdict {
    this.#moveTo(Math.floor((now * cellCount) / this.windowMs));
    if (this.#used + cost > limit && cost > 0) return refused(limit - this.#used, this.#fitsAt(limit - cost) - now);
    const slot = this.#newest % this.#cells.length;
    this.#cells[slot] = this.#at(this.#newest) + cost;
    this.#used += cost;
    return allowed(Math.max(0, limit - this.#used));
  }

  #moveTo(cell: number): void {
    const first = Math.max(this.#newest + 1, cell - cellCount);
    for (let index = first; index <= cell; index++) {
      this.#used -= this.#at(index);
      this.#cells[index % this.#cells.length] = 0;
    }
    this.#newest = cell;
  }

  /** When no more than `bound` will be in sight. */
  #fitsAt(bound: number): number {
    let inSight = this.#used;
    let cell = this.#newest - cellCount - 1;
    while (inSight > bound) {
      cell += 1;
      inSight -= this.#at(cell);
    }
    return this.#leavesAt(cell);
  }

  #leavesAt(cell: number): number {
    return Math.ceil(((cell + cellCount + 1) * this.windowMs) / cellCount);
  }

  #at(cell: number): number {
    // Cells before time zero are asked for in the first window; nothing was counted there.
    return cell < 0 ? 0 : (this.#cells[cell % this.#cells.length] ?? 0);
  }
}

/**
 * Holds what is missing from a full bucket, in parts of a unit: one unit is `windowMs` parts, `limit` parts flow in per
 * millisecond.
 */
class TokenBucket implements Meter {
  #missing = 0;
  #updatedAt = 0;
  #limit = 1;

  constructor(private readonly windowMs: number) {}

  get expiresAt(): number {
    return this.#updatedAt + Math.ceil(this.#missing / this.#limit);
  }

  take(now: number, limit: number, cost: number): LimitVerdict {
    const capacity = limit * this.windowMs;
    this.#refill(now, limit, capacity);
    const wanted = cost * this.windowMs;
    const excess = this.#missing + wanted - capacity;
    if (excess > 0 && cost > 0) return refused(this.#wholeUnits(capacity), Math.ceil(excess / limit));
    this.#missing += wanted;
    return allowed(this.#wholeUnits(capacity));
  }

  #refill(now: number, limit: number, capacity: number): void {
    // A window's time fills any bucket; the bound keeps the product exact after a long rest.
    const elapsed = Math.min(now - this.#updatedAt, this.windowMs);
    this.#missing = Math.min(Math.max(0, this.#missing - elapsed * this.#limit), capacity);
    this.#updatedAt = now;
    this.#limit = limit;
  }

  #wholeUnits(capacity: number): number {
    return Math.max(0, Math.floor((capacity - this.#missing) / this.windowMs));
  }
}
