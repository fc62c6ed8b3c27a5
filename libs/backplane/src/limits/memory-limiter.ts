import { type Clock, systemClock } from '../ports/clock.js';
import type { LimitAlgorithm, Limiter, LimitRule, LimitVerdict } from './limiter.js';
import { createMeter, type Meter } from './meters.js';

/** Entries looked at per use. One may be added per use, so that with two the sweep always gains on them. */
const sweptPerUse = 2;

export interface MemoryLimiterOptions {
  /** Keys remembered at once. Default 100,000, some 20 MB at worst. */
  readonly maxKeys?: number;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

/** Doubly linked in order of use, because a Map used as a queue gets slow at its worn end. */
interface Entry {
  readonly key: string;
  algorithm: LimitAlgorithm;
  windowMs: number;
  meter: Meter;
  older: Entry | undefined;
  newer: Entry | undefined;
}

/**
 * Limits of one process. Each use takes constant time; there are no timers: every use sweeps two keys that may have
 * expired.
 *
 * When `maxKeys` are in use at once, the key that was used least recently is forgotten and starts afresh. A flood of
 * distinct keys can thus win back allowances that are not being used, never those of a key that keeps trying. Keep
 * `maxKeys` above the number of clients a window sees, and count addresses by `addressKey`; a rising
 * {@link evictions} says that it is too small.
 *
 * @publicApi
 */
export class MemoryLimiter implements Limiter {
  readonly #entries = new Map<string, Entry>();
  readonly #maxKeys: number;
  readonly #clock: Clock;
  #oldest: Entry | undefined;
  #newest: Entry | undefined;
  /** Next entry to be looked at by the sweep; undefined: begin at the oldest. */
  #cursor: Entry | undefined;
  #now = 0;
  #evicted = 0;

  constructor({ maxKeys = 100_000, clock = systemClock }: MemoryLimiterOptions = {}) {
    if (!Number.isInteger(maxKeys) || maxKeys < 1) throw new RangeError(`maxKeys must be 1 or more, not ${maxKeys}`);
    this.#maxKeys = maxKeys;
    this.#clock = clock;
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#entries.size;
  }

  /** Keys forgotten before their time, since the start. */
  get evictions(): number {
    return this.#evicted;
  }

  /** See {@link Limiter.consume}; answers at once. */
  consume(key: string, rule: LimitRule, cost = 1): LimitVerdict {
    if (!Number.isSafeInteger(cost) || cost < 0) throw new RangeError(`cost must be a whole number >= 0, not ${cost}`);
    const { limit } = rule;
    if (limit === Infinity) return { allowed: true, remaining: Infinity, retryAfterMs: 0 };

    this.#now = Math.max(this.#now, Math.floor(this.#clock.now()));
    this.#sweep();
    const meter = this.#meterOf(key, rule);
    if (cost <= limit) return meter.take(this.#now, limit, cost);
    return { allowed: false, remaining: meter.take(this.#now, limit, 0).remaining, retryAfterMs: Infinity };
  }

  #meterOf(key: string, { algorithm, windowMs }: LimitRule): Meter {
    const known = this.#entries.get(key);
    if (!known) return this.#add(key, algorithm, windowMs).meter;
    this.#unlink(known);
    this.#append(known);
    if (known.algorithm !== algorithm || known.windowMs !== windowMs) {
      Object.assign(known, { algorithm, windowMs, meter: createMeter(algorithm, windowMs) });
    }
    return known.meter;
  }

  #add(key: string, algorithm: LimitAlgorithm, windowMs: number): Entry {
    if (this.#entries.size >= this.#maxKeys && this.#oldest) {
      this.#evicted += 1;
      this.#remove(this.#oldest);
    }
    const meter = createMeter(algorithm, windowMs);
    const entry: Entry = { key, algorithm, windowMs, meter, older: undefined, newer: undefined };
    this.#entries.set(key, entry);
    this.#append(entry);
    return entry;
  }

  #sweep(): void {
    for (let looked = 0; looked < sweptPerUse; looked++) {
      const entry = this.#cursor ?? this.#oldest;
      if (!entry) return;
      this.#cursor = entry.newer;
      if (entry.meter.expiresAt <= this.#now) this.#remove(entry);
    }
  }

  #remove(entry: Entry): void {
    this.#unlink(entry);
    this.#entries.delete(entry.key);
  }

  #append(entry: Entry): void {
    entry.older = this.#newest;
    if (this.#newest) this.#newest.newer = entry;
    else this.#oldest = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry): void {
    // A key in use moves to the newest end; a sweep that went along would skip all that lies between.
    if (this.#cursor === entry) this.#cursor = entry.newer;
    if (entry.older) entry.older.newer = entry.newer;
    else this.#oldest = entry.newer;
    if (entry.newer) entry.newer.older = entry.older;
    else this.#newest = entry.older;
    entry.older = undefined;
    entry.newer = undefined;
  }
}
