import { BackplaneError, type BackplaneStage, type Clock, type Random } from '@holdfast/backplane';
import { type BackplaneFaults, noFaults } from './backplane-faults.js';

/** The connection between one node and its engine. Calls reach the engine in their order. */
export class FaultyWire {
  readonly faults: BackplaneFaults = { ...noFaults };
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #deadlineMs: number;
  /** Number of {@link cut} calls: what was in flight at a cut is lost. */
  #breaks = 0;
  #isCut = false;
  #isPaused = false;
  #losesNextReply = false;
  #whenUnpaused: (() => void)[] = [];
  #callsArriveAt = 0;
  #deliveriesArriveAt = 0;

  constructor(clock: Clock, random: Random, deadlineMs: number) {
    this.#clock = clock;
    this.#random = random;
    this.#deadlineMs = deadlineMs;
  }

  /** Loses what is in flight, and lets calls reject. */
  cut(): void {
    this.#isCut = true;
    this.#breaks++;
  }

  mend(): void {
    this.#isCut = false;
  }

  loseNextReply(): void {
    this.#losesNextReply = true;
  }

  /** Lets calls wait, until {@link unpause} or their deadline. */
  pause(): void {
    this.#isPaused = true;
  }

  unpause(): void {
    this.#isPaused = false;
    const waiting = this.#whenUnpaused;
    this.#whenUnpaused = [];
    for (const resolve of waiting) resolve();
  }

  /** @param undo - called when the call was carried out and rejects, if a call that rejects must have no effect */
  async call<T>(stage: BackplaneStage, run: () => Promise<T>, undo?: () => void): Promise<T> {
    const { delayMs } = this.faults;
    const breaks = this.#breaks;
    if (this.#isCut || this.#happens(this.faults.refuse)) throw refused(stage);
    const giveUpAt = this.#clock.now() + this.#deadlineMs;
    if (this.#isPaused && !(await this.#isUnpausedUntil(giveUpAt))) throw givenUp(stage, 'none');
    if (delayMs > 0) {
      this.#callsArriveAt = Math.max(this.#callsArriveAt, this.#clock.now() + this.#delay());
      await this.#until(this.#callsArriveAt);
    }
    if (breaks !== this.#breaks) throw refused(stage);
    const result = await run();
    if (delayMs > 0) await this.#until(this.#clock.now() + this.#delay());
    const isLost = breaks !== this.#breaks || this.#losesNextReply || this.#happens(this.faults.loseReply);
    this.#losesNextReply = false;
    if (!isLost) return result;
    undo?.();
    await this.#until(giveUpAt);
    throw givenUp(stage, 'unknown');
  }

  /** @param isNumbered - the receiver can detect repeats and a wrong order */
  deliver(isNumbered: boolean, arrive: () => void): void {
    const { loseDelivery, repeatDelivery, swapDelivery } = this.faults;
    if (this.#isCut || this.#happens(loseDelivery)) return;
    this.#deliverOnce(isNumbered && this.#happens(swapDelivery), arrive);
    if (isNumbered && this.#happens(repeatDelivery)) this.#deliverOnce(true, arrive);
  }

  #deliverOnce(isLate: boolean, arrive: () => void): void {
    const now = this.#clock.now();
    let at = Math.max(this.#deliveriesArriveAt, now + this.#delay());
    if (isLate) at += 1 + 2 * this.#delay();
    else this.#deliveriesArriveAt = at;
    if (at <= now) {
      arrive();
      return;
    }
    const breaks = this.#breaks;
    this.#clock.schedule(() => {
      if (breaks === this.#breaks) arrive();
    }, at - now);
  }

  #delay(): number {
    return this.faults.delayMs > 0 ? this.#random.next() * this.faults.delayMs : 0;
  }

  #happens(chance: number): boolean {
    return chance > 0 && this.#random.next() < chance;
  }

  #until(at: number): Promise<void> {
    const delayMs = at - this.#clock.now();
    if (delayMs <= 0) return Promise.resolve();
    return new Promise((resolve) => this.#clock.schedule(resolve, delayMs));
  }

  #isUnpausedUntil(at: number): Promise<boolean> {
    return new Promise((resolve) => {
      const deadline = this.#clock.schedule(() => resolve(false), at - this.#clock.now());
      this.#whenUnpaused.push(() => {
        this.#clock.cancel(deadline);
        resolve(true);
      });
    });
  }
}

function refused(stage: BackplaneStage): BackplaneError {
  return new BackplaneError(stage, 'AWAY', 'none', `The engine was not reached to ${stage}`);
}

function givenUp(stage: BackplaneStage, outcome: 'none' | 'unknown'): BackplaneError {
  return new BackplaneError(stage, 'TIMEOUT', outcome, `The engine gave no answer in time to ${stage}`);
}
