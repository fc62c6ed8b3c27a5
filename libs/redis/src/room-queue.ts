import { BackplaneError, type Clock, type Published, type PublishOptions } from '@holdfast/backplane';
import { asFailure } from './errors.js';

/** Items of one call: it blocks the server for so long. */
const mostItems = 64;

/** Between two attempts of one call. */
const pauseMs = 25;

interface Job {
  readonly items: readonly Uint8Array[];
  readonly options: PublishOptions;
  readonly deadlineAt: number;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: BackplaneError) => void;
}

export interface RoomQueueParts {
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** Carries out a call. With history a repeat with the same number does nothing, and gets the same answer. */
  send(number: number, items: readonly Uint8Array[], options: PublishOptions, deadlineMs: number): Promise<Published>;
  nextNumber(): number;
  readonly isClosed: () => boolean;
  /** There is nothing to be done any more. */
  idle(): void;
}

/**
 * What this node publishes to one room. One call is under way at a time, and what is published meanwhile goes in the
 * next one: only so the order holds when a call has to be repeated, and only one call can be in doubt.
 */
export class RoomQueue {
  readonly #jobs: Job[] = [];
  #running: Promise<void> | undefined;

  constructor(private readonly parts: RoomQueueParts) {}

  publish(items: readonly Uint8Array[], options: PublishOptions): Promise<Published> {
    const deadlineAt = this.parts.clock.now() + this.parts.deadlineMs;
    return new Promise((resolve, reject) => {
      this.#jobs.push({ items, options, deadlineAt, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves once nothing is under way. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#jobs.length > 0) {
      const batch = this.#take();
      try {
        this.#answer(batch, await this.#call(batch));
      } catch (error) {
        const failure = asFailure(error, 'publish');
        for (const { reject } of batch) reject(failure);
      }
    }
    this.#running = undefined;
    this.parts.idle();
  }

  /** The next call: one job with a key of the application, or as many as fit that keep the same. */
  #take(): [Job, ...Job[]] {
    // Safe: it is called while there is one.
    const batch: [Job, ...Job[]] = [this.#jobs.shift() as Job];
    let items = batch[0].items.length;
    for (let next = this.#jobs[0]; next; next = this.#jobs[0]) {
      items += next.items.length;
      if (items > mostItems || !isAlike(batch[0].options, next.options)) break;
      batch.push(next);
      this.#jobs.shift();
    }
    return batch;
  }

  /** The first job has waited longest: its deadline is that of the call. */
  async #call([first, ...others]: [Job, ...Job[]]): Promise<Published> {
    const { clock } = this.parts;
    const number = this.parts.nextNumber();
    const items = [first, ...others].flatMap((job) => job.items);
    let wasSent = false;
    for (;;) {
      const leftMs = first.deadlineAt - clock.now();
      if (leftMs <= 0) throw tooLate(wasSent);
      try {
        return await this.parts.send(number, items, first.options, leftMs);
      } catch (error) {
        const failure = asFailure(error, 'publish');
        const mayPass = failure.code === 'AWAY' || failure.code === 'MOVING';
        // Without history nobody remembers the call: a repeat could deliver it again.
        const mayRepeat = first.options.history.size > 0 && mayPass && !this.parts.isClosed();
        wasSent ||= failure.outcome === 'unknown';
        // What was never sent is refused at once: who publishes is told that the engine is away.
        if (!mayRepeat || !wasSent) throw wasSent ? asUnknown(failure) : failure;
        await new Promise<void>((resolve) => clock.schedule(resolve, Math.min(pauseMs, leftMs)));
      }
    }
  }

  #answer(batch: readonly Job[], { first, at, repeat }: Published): void {
    let offset = first?.offset ?? 0;
    for (const { items, resolve } of batch) {
      resolve({ first: first && { epoch: first.epoch, offset }, at, repeat });
      offset += items.length;
    }
  }
}

function isAlike(one: PublishOptions, other: PublishOptions): boolean {
  const [a, b] = [one.history, other.history];
  const isSame = a.size === b.size && a.ttlMs === b.ttlMs && a.maxBytes === b.maxBytes;
  return isSame && one.once === undefined && other.once === undefined;
}

function asUnknown({ stage, code, message }: BackplaneError): BackplaneError {
  return new BackplaneError(stage, code, 'unknown', message);
}

function tooLate(wasSent: boolean): BackplaneError {
  const message = wasSent ? 'Redis has not said in time whether it was stored' : 'The call had to wait too long';
  return new BackplaneError('publish', 'TIMEOUT', wasSent ? 'unknown' : 'none', message);
}
