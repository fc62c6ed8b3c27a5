import type { WelcomeData } from '@holdfast/protocol';
import type { Clock, TimerHandle } from './ports.js';

/** How long the answer to a probe may take: a radio that wakes up takes a second or two. */
const probeMs = 3_000;

/** A timer that is so much late did not run because we did not: the page was frozen, or the machine asleep. */
const latenessMs = 1_000;

/** Notices a silent server (PROTOCOL.md 8.5), and after a sleep asks before it judges. */
export class Liveness {
  readonly #clock: Clock;
  readonly #ping: () => void;
  readonly #dead: () => void;
  #heardAt: number;
  #timer: TimerHandle;
  #dueAt = 0;
  #probe: 'first' | 'last' | undefined;
  readonly #limitMs: number;

  /**
   * @param ping - asks the server for a sign of life.
   * @param dead - told of a server that has given none for too long.
   */
  constructor(clock: Clock, { intervalMs, graceMs }: WelcomeData['heartbeat'], ping: () => void, dead: () => void) {
    this.#clock = clock;
    this.#ping = ping;
    this.#dead = dead;
    this.#limitMs = intervalMs === 0 ? Infinity : intervalMs + graceMs;
    this.#heardAt = clock.now();
    this.#watch();
  }

  get isProbing(): boolean {
    return this.#probe !== undefined;
  }

  /**
   * Any frame is a sign of life. Arms no timer: the one that is armed looks when it fires. What comes during a probe
   * may have waited on this side since before the sleep, so it only gives the answer behind it more time.
   */
  heard(): void {
    this.#heardAt = this.#clock.now();
    if (!this.isProbing) return;
    this.#probe = 'first';
    this.#arm(probeMs);
  }

  /** The server has heard the ping. */
  answered(): void {
    if (!this.isProbing) return;
    this.#probe = undefined;
    this.#watch();
  }

  /** Asks for a sign of life now. */
  probe(): void {
    if (this.isProbing) return;
    this.#probe = 'first';
    this.#arm(probeMs);
    this.#ping();
  }

  stop(): void {
    this.#clock.cancel(this.#timer);
  }

  #watch(): void {
    this.#arm(this.#limitMs - (this.#clock.now() - this.#heardAt));
  }

  #arm(delayMs: number): void {
    this.stop();
    this.#dueAt = this.#clock.wallNow() + delayMs;
    this.#timer = this.#clock.schedule(() => this.#due(), delayMs);
  }

  #due(): void {
    const isLate = this.#clock.wallNow() - this.#dueAt > latenessMs;
    if (!this.#probe) {
      if (isLate) this.probe();
      else if (this.#clock.now() - this.#heardAt >= this.#limitMs) this.#dead();
      else this.#watch();
    } else if (isLate && this.#probe === 'first') {
      // The answer may be there and wait behind this timer. Once only, or a throttled page would never notice.
      this.#probe = 'last';
      this.#arm(probeMs);
    } else {
      this.#dead();
    }
  }
}
