import type { Link } from '../connection/index.js';
import { type TimerWheel, WheelTask } from '../ground/index.js';
import type { Invocation } from './invocation.js';

/** Whose handlers are at work. */
export interface WatchedHandlers {
  readonly link: Link;
  /** The oldest first. */
  readonly inFlight: ReadonlySet<Invocation>;
}

/**
 * Looks after the handlers of one connection that do not settle. One task for all of them: it is due when the oldest
 * one is, so a busy connection does not schedule anything per message.
 */
export class HandlerWatch extends WheelTask {
  #isScheduled = false;

  constructor(
    private readonly handlers: WatchedHandlers,
    private readonly wheel: TimerWheel,
    private readonly timeoutMs: number,
    private readonly timedOut: (invocation: Invocation) => void,
  ) {
    super();
  }

  ensure(): void {
    if (!this.#isScheduled) this.#schedule(this.timeoutMs);
  }

  override onDue(): void {
    this.#isScheduled = false;
    const { now, tickMs } = this.wheel;
    // A Set keeps the order of insertion: the first that is not overdue ends the search.
    for (const invocation of this.handlers.inFlight) {
      // It began up to a tick after the time that was noted; nobody is cut short for that.
      const left = invocation.startedAt + tickMs + this.timeoutMs - now;
      if (left > 0) {
        this.#schedule(left);
        return;
      }
      this.timedOut(invocation);
    }
  }

  #schedule(delayMs: number): void {
    this.#isScheduled = true;
    this.handlers.link.after(this, delayMs);
  }
}
