import type { Clock } from '../ground/index.js';
import { type Refusal, refusals } from './refusal.js';

/** How long a turn of the event loop may be at work on handshakes before it looks after connected clients again. */
const shareMs = 5;

/** Nobody is asked to wait longer. */
const longestRetryMs = 30_000;

export interface HandshakeTurnsParts {
  readonly clock: Clock;
  /** Handshakes that this process can take in a second, as measured. */
  readonly perSecond: () => number;
  /** How long a handshake may wait for its turn. Infinity: as long as it takes. */
  readonly maxWaitMs: number;
  /** Calls back in the next turn of the event loop, after what came in meanwhile. Default `setImmediate`. */
  readonly nextTurn?: (callback: () => void) => void;
}

/**
 * Parts the event loop between handshakes and connected clients: a turn of the loop takes as many handshakes as it can
 * do in five milliseconds by the measured rate, and others wait in line. Without this, a fleet that returns at once
 * would stop all messages for as long as its handshakes take. Whoever would wait too long is refused, and is told when
 * to try again: each at a time of its own, at the measured rate.
 */
export class HandshakeTurns {
  /** In the order of their coming. */
  readonly #waiting = new Set<() => void>();
  #taken = 0;
  #isTurnDue = false;
  /** When the clients that were refused so far, and obeyed, will have been let in. */
  #bookedUntil = 0;

  constructor(private readonly parts: HandshakeTurnsParts) {}

  /** @returns undefined for a handshake that can be done now, a promise of its turn, or why it has none. */
  take(): Promise<void> | Refusal | undefined {
    const waiting = this.#waiting.size;
    if (waiting === 0 && this.#taken < this.#perTurn) {
      this.#taken += 1;
      this.#expectTurn();
      return undefined;
    }
    const waitMs = (waiting * 1_000) / this.parts.perSecond();
    if (waitMs >= this.parts.maxWaitMs) return refusals.overloaded(this.#book(waitMs));
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      this.#expectTurn();
    });
  }

  get #perTurn(): number {
    return Math.max(1, Math.floor((this.parts.perSecond() * shareMs) / 1_000));
  }

  #book(waitMs: number): number {
    const now = this.parts.clock.now();
    const nextMs = Math.max(waitMs, this.#bookedUntil - now) + 1_000 / this.parts.perSecond();
    const retryAfterMs = Math.min(longestRetryMs, nextMs);
    this.#bookedUntil = now + retryAfterMs;
    return retryAfterMs;
  }

  #expectTurn(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    (this.parts.nextTurn ?? setImmediate)(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isTurnDue = false;
    this.#taken = 0;
    for (const begin of this.#waiting) {
      if (this.#taken === this.#perTurn) break;
      this.#taken += 1;
      this.#waiting.delete(begin);
      begin();
    }
    if (this.#taken > 0) this.#expectTurn();
  };
}
