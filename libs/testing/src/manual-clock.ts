interface ManualTimer {
  readonly dueAt: number;
  readonly task: () => void;
}

/**
 * A clock that stands still until it is told to move, so that minutes of waiting take no time in a test.
 * Fits wherever Holdfast asks for a `Clock`.
 *
 * @publicApi
 */
export class ManualClock {
  // A Set keeps the order of arming, which is the order among timers that are due at the same instant.
  private readonly timers = new Set<ManualTimer>();
  private elapsedMs = 0;

  /** @param startedAt Wall time at the start, in milliseconds since the Unix epoch. Default 2026-01-01T00:00:00Z. */
  constructor(private readonly startedAt: number = Date.UTC(2026, 0, 1)) {}

  /** Milliseconds since this clock was made. */
  now(): number {
    return this.elapsedMs;
  }

  /** Wall time in milliseconds since the Unix epoch; moves together with {@link now}. */
  wallNow(): number {
    return this.startedAt + this.elapsedMs;
  }

  /** Number of armed timers; 0 proves that nothing was left behind. */
  get pending(): number {
    return this.timers.size;
  }

  /** Arms `task` to run once, when the clock has moved by `delayMs`. Returns the handle for {@link cancel}. */
  schedule(task: () => void, delayMs: number): unknown {
    const timer: ManualTimer = { dueAt: this.elapsedMs + Math.max(0, delayMs), task };
    this.timers.add(timer);
    return timer;
  }

  /** Forgets an armed timer; one that has fired or is unknown is ignored. */
  cancel(handle: unknown): void {
    // Only a membership test: a handle of another clock is simply not found.
    this.timers.delete(handle as ManualTimer);
  }

  /**
   * Moves time by `ms` and runs what becomes due, in order, each at its own instant. Timers armed meanwhile run too
   * when they fall into the span. Whatever a timer throws comes out of this call.
   */
  advance(ms: number): void {
    const target = this.elapsedMs + ms;
    for (let timer = this.earliest(target); timer !== undefined; timer = this.earliest(target)) {
      this.timers.delete(timer);
      this.elapsedMs = Math.max(this.elapsedMs, timer.dueAt);
      timer.task();
    }
    // A timer may itself have moved this clock further, as a busy handler does.
    this.elapsedMs = Math.max(this.elapsedMs, target);
  }

  /** Moves time by `ms` and runs nothing, as a blocked event loop does. What became due runs, late, on the next {@link advance}. */
  stall(ms: number): void {
    this.elapsedMs += ms;
  }

  private earliest(latest: number): ManualTimer | undefined {
    let found: ManualTimer | undefined;
    for (const timer of this.timers) {
      if (timer.dueAt <= latest && (found === undefined || timer.dueAt < found.dueAt)) found = timer;
    }
    return found;
  }
}
