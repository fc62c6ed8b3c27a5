/** An armed timer; pass it back to {@link Clock.cancel}. */
export type TimerHandle = unknown;

/**
 * Time as a port, so that minutes of waiting run in milliseconds in a test.
 *
 * @publicApi
 */
export interface Clock {
  /** Monotonic milliseconds. Only differences have a meaning. */
  now(): number;
  /** Milliseconds since the Unix epoch, for facts that leave the process (`exp`, `joinedAt`). */
  wallNow(): number;
  /** Calls `task` once after `delayMs`. The timer does not keep the process alive. */
  schedule(task: () => void, delayMs: number): TimerHandle;
  /** Forgets an armed timer; one that has fired or is unknown is ignored. */
  cancel(handle: TimerHandle): void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  schedule: (task, delayMs) => setTimeout(task, delayMs).unref(),
  // The port hands out opaque handles; those of this clock are Node timers.
  cancel: (handle) => {
    clearTimeout(handle as NodeJS.Timeout);
  },
};
