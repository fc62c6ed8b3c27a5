import { Instants } from './instants.js';

class ManualTimer {
  constructor(
    readonly dueAt: number,
    readonly task: () => void,
  ) {}
}

/**
 * A clock that stands still until it is told to move, so that minutes of waiting take no time in a test.
 * Fits wherever Holdfast asks for a `Clock`.
 *
 * @publicApi
 */
export class ManualClock {
  /** Timers by when they are due. A Set keeps the order of arming, which is the order among those of one instant. */
  readonly #timers = new Map<number, Set<ManualTimer>>();
  /** The same instants as in `timers`. */
  readonly #instants = new Instants();
  #armed = 0;
  #elapsedMs = 0;

  /** @param startedAt - Wall time at the start, in milliseconds since the Unix epoch. Default 2026-01-01T00:00:00Z. */
  constructor(private readonly startedAt: number = Date.UTC(2026, 0, 1)) {}

  /** Milliseconds since this clock was made. */
  now(): number {
    return this.#elapsedMs;
  }

  /** Wall time in milliseconds since the Unix epoch; moves together with {@link now}. */
  wallNow(): number {
    return this.startedAt + this.#elapsedMs;
  }

  /** Number of armed timers; 0 proves that nothing was left behind. */
  get pending(): number {
    return this.#armed;
  }

  /** Arms `task` to run once, when the clock has moved by `delayMs`. Returns the handle for {@link cancel}. */
  schedule(task: () => void, delayMs: number): unknown {
    // As for timers of platforms, what is no number is no delay.
    const timer = new ManualTimer(this.#elapsedMs + (delayMs > 0 ? delayMs : 0), task);
    const others = this.#timers.get(timer.dueAt);
    if (others) others.add(timer);
    else {
      this.#timers.set(timer.dueAt, new Set([timer]));
      this.#instants.add(timer.dueAt);
    }
    this.#armed++;
    return timer;
  }

  /** Forgets an armed timer; one that has fired or is unknown is ignored. */
  cancel(handle: unknown): void {
    if (handle instanceof ManualTimer && this.#timers.get(handle.dueAt)?.delete(handle)) this.#armed--;
  }

  /**
   * Moves time by `ms` and runs what becomes due, in order, each at its own instant. Timers armed meanwhile run too
   * when they fall into the span. Whatever a timer throws comes out of this call.
   */
  advance(ms: number): void {
    const target = this.#elapsedMs + ms;
    for (let instant = this.#next(target); instant !== undefined; instant = this.#next(target)) {
      const timers = this.#timers.get(instant) ?? new Set();
      // Those that are armed for this instant meanwhile come last, and those that are taken back do not come.
      for (const timer of timers) {
        this.cancel(timer);
        this.#elapsedMs = Math.max(this.#elapsedMs, instant);
        timer.task();
      }
      // Unless a timer has moved this clock, and thereby done it.
      if (this.#timers.get(instant) !== timers) continue;
      this.#timers.delete(instant);
      this.#instants.removeFirst();
    }
    // A timer may itself have moved this clock further, as a busy handler does.
    this.#elapsedMs = Math.max(this.#elapsedMs, target);
  }

  /** Moves time to the next armed timer and runs what is due then. Returns false when nothing is armed. */
  advanceToNext(): boolean {
    const { first = Infinity } = this.#instants;
    if (first === Infinity) return false;
    this.advance(Math.max(0, first - this.#elapsedMs));
    return true;
  }

  /**
   * Moves time by `ms` and runs nothing, as a blocked event loop does. What became due runs, late, on the next {@link
   * advance}.
   */
  stall(ms: number): void {
    this.#elapsedMs += ms;
  }

  /** The next instant at which something is due, up to that one; never, if that is Infinity. */
  #next(latest: number): number | undefined {
    const { first = Infinity } = this.#instants;
    return first <= latest && first < Infinity ? first : undefined;
  }
}
