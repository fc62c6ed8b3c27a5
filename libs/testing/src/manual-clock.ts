import { HeapTimer, TimerHeap } from './timer-heap.js';

/**
 * A clock that stands still until it is told to move, so that minutes of waiting take no time in a test.
 * Fits wherever Holdfast asks for a `Clock`.
 *
 * @publicApi
 */
export class ManualClock {
  private readonly timers = new TimerHeap();
  private elapsedMs = 0;
  private armed = 0;

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
    // As for timers of platforms, what is no number is no delay.
    const dueAt = this.elapsedMs + (delayMs > 0 ? delayMs : 0);
    const timer = new HeapTimer(dueAt, this.armed++, task);
    this.timers.add(timer);
    return timer;
  }

  /** Forgets an armed timer; one that has fired or is unknown is ignored. */
  cancel(handle: unknown): void {
    if (handle instanceof HeapTimer) this.timers.remove(handle);
  }

  /**
   * Moves time by `ms` and runs what becomes due, in order, each at its own instant. Timers armed meanwhile run too
   * when they fall into the span. Whatever a timer throws comes out of this call.
   */
  advance(ms: number): void {
    const target = this.elapsedMs + ms;
    for (let timer = this.timers.first; timer !== undefined && timer.dueAt <= target; timer = this.timers.first) {
      this.timers.remove(timer);
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
}
