import type { Clock, TimerHandle } from '@holdfast/backplane';

/** Without any message for so long the connection is tried. */
const quietMs = 5_000;
/** Within this time the server brings back what it was sent. */
const answerMs = 3_000;

export interface SubscriptionProbeParts {
  readonly clock: Clock;
  /** Publishes to a channel of this node, by the connection for commands. */
  readonly publish: () => Promise<unknown>;
  /** Nothing has come back. */
  readonly dead: () => void;
}

/**
 * Notices that subscriptions bring nothing any more. Neither end may know: a proxy has dropped the connection, or the
 * server was demoted. A `PING` on the connection would prove less, because a demoted server answers it.
 */
export class SubscriptionProbe {
  #timer: TimerHandle;
  #hasHeard = false;
  #isRunning = false;

  constructor(private readonly parts: SubscriptionProbeParts) {}

  start(): void {
    this.#isRunning = true;
    this.#wait();
  }

  stop(): void {
    this.#isRunning = false;
    this.parts.clock.cancel(this.#timer);
  }

  /** Something has come. */
  heard(): void {
    this.#hasHeard = true;
  }

  #wait(): void {
    this.#hasHeard = false;
    this.#after(quietMs, () => void this.#try());
  }

  async #try(): Promise<void> {
    if (this.#hasHeard) {
      this.#wait();
      return;
    }
    try {
      await this.parts.publish();
    } catch {
      // The server cannot be reached at all, which is told elsewhere.
      if (this.#isRunning) this.#wait();
      return;
    }
    if (!this.#isRunning) return;
    this.#after(answerMs, () => {
      if (!this.#hasHeard) this.parts.dead();
      this.#wait();
    });
  }

  #after(ms: number, task: () => void): void {
    this.#timer = this.parts.clock.schedule(task, ms);
  }
}
