import { Deadline } from './deadline.js';
import type { TimerWheel } from './timer-wheel.js';

/**
 * Settles as `work` does, or rejects with what `late` makes when that takes longer than `timeoutMs` of active time.
 * What becomes of `work` afterwards is nobody's concern, and no unhandled rejection.
 */
export function inTime<T>(wheel: TimerWheel, timeoutMs: number, work: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = new Deadline(() => {
      reject(late());
    });
    wheel.schedule(deadline, timeoutMs);
    void work.then(resolve, reject).finally(() => {
      wheel.cancel(deadline);
    });
  });
}
