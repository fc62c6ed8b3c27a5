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
  /** Milliseconds since the Unix epoch, for facts that leave the process. */
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
  schedule(task, delayMs) {
    const timer: unknown = setTimeout(task, delayMs);
    // In Node a timer is an object and keeps the process alive until `unref` is called; in browsers it is a number.
    (timer as { unref?: () => void }).unref?.();
    return timer;
  },
  // The port hands out opaque handles; those of this clock are timers of the platform.
  cancel: (handle) => clearTimeout(handle as number),
};
