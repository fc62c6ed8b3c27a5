import type { Session } from '../lifecycle/session.js';
import { WheelTask } from '../ground/timer-wheel.js';
import type { Invocation } from './invocation.js';

/**
 * Looks after the handlers of one connection that do not settle. One task for all of them: it is due when the oldest
 * one is, so a busy connection does not schedule anything per message.
 */
export class HandlerWatch extends WheelTask {
  #armed = false;

  constructor(
    private readonly session: Session,
    private readonly timeoutMs: number,
    private readonly timedOut: (invocation: Invocation) => void,
  ) {
    super();
  }

  ensure(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.session.after(this, this.timeoutMs);
  }

  override onDue(): void {
    this.#armed = false;
    const { now, tickMs } = this.session.services.wheel;
    // A Set keeps the order of insertion: the first that is not overdue ends the search.
    for (const invocation of this.session.inFlight) {
      // It began up to a tick after the time that was noted; nobody is cut short for that.
      const left = invocation.startedAt + tickMs + this.timeoutMs - now;
      if (left > 0) {
        this.#armed = true;
        this.session.after(this, left);
        return;
      }
      this.timedOut(invocation);
    }
  }
}
