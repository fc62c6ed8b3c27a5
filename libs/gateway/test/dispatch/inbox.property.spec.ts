import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { HandlerPlan } from '../../src/dispatch/handler-plan.js';
import { Inbox, type Message } from '../../src/dispatch/inbox.js';
import { messageOf, planOf } from './plans.js';

const plans = [planOf('in order'), planOf('also in order'), planOf('one of two', 2), planOf('one of three', 3)];
const limits = { inboxMessages: 8, inboxBytes: 400 };

/** What happens to an inbox, and what may never happen whatever does. */
class Model {
  readonly started: Message[] = [];
  readonly running: Message[] = [];
  readonly #inbox: Inbox;
  readonly #endsAtOnce = new Set<unknown>();
  readonly #plansPushed: HandlerPlan[] = [];
  #pushed = 0;
  #waitingBytes = 0;
  #holds = 1;
  #isPaused = false;
  #isDiscarded = false;

  constructor() {
    this.#inbox = new Inbox(
      {
        start: (message) => {
          this.#start(message);
        },
        full: () => (this.#isPaused = true),
        relieved: () => (this.#isPaused = false),
      },
      limits,
    );
  }

  push(plan: HandlerPlan, bytes: number, endsAtOnce: boolean): void {
    const message = messageOf(plan, this.#pushed++, bytes);
    if (endsAtOnce) this.#endsAtOnce.add(message.id);
    this.#plansPushed.push(plan);
    this.#waitingBytes += bytes;
    this.#inbox.push(message);
  }

  finish(which: number): void {
    const [message] = this.running.splice(which % Math.max(1, this.running.length), 1);
    if (message) this.#inbox.finished(message.plan);
  }

  hold(): void {
    this.#holds++;
    this.#inbox.hold();
  }

  release(): void {
    if (this.#holds === 0) return;
    this.#holds--;
    this.#inbox.release();
  }

  discard(): void {
    this.#isDiscarded = true;
    this.#inbox.discard();
  }

  check(): void {
    // In the order in which they came, none twice, none left out.
    expect(this.started.map(({ data }) => data)).toEqual(this.started.map((_, index) => index));
    if (this.#isDiscarded) {
      expect(this.#inbox.length).toBe(0);
      return;
    }
    const waiting = this.#pushed - this.started.length;
    expect(this.#inbox.length).toBe(waiting);
    const isAboveMarks = waiting >= limits.inboxMessages || this.#waitingBytes >= limits.inboxBytes;
    const isBelowHalf = waiting <= limits.inboxMessages / 2 && this.#waitingBytes <= limits.inboxBytes / 2;
    if (isAboveMarks) expect(this.#isPaused).toBe(true);
    if (isBelowHalf) expect(this.#isPaused).toBe(false);
    // Whoever is first in the line waits for a reason.
    const next = this.#plansPushed[this.started.length];
    if (next && this.#holds === 0) expect(this.#isBusy(next)).toBe(true);
  }

  #start(message: Message): void {
    expect(this.#holds).toBe(0);
    expect(this.#isDiscarded).toBe(false);
    expect(this.#isBusy(message.plan)).toBe(false);
    this.started.push(message);
    this.#waitingBytes -= message.bytes;
    if (this.#endsAtOnce.has(message.id)) this.#inbox.finished(message.plan);
    else this.running.push(message);
  }

  #isBusy(plan: HandlerPlan): boolean {
    const rivals = this.running.filter((other) =>
      plan.concurrency === undefined ? other.plan.concurrency === undefined : other.plan === plan,
    );
    return rivals.length >= (plan.concurrency ?? 1);
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      plan: fc.constantFrom(...plans),
      bytes: fc.integer({ min: 0, max: 150 }),
      endsAtOnce: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.nat(20) },
  { weight: 2, arbitrary: fc.constantFrom('hold' as const, 'release' as const) },
);

it('keeps the order, the bounds and the concurrency, and lets nobody wait without a reason', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.boolean(), (steps, isDiscarded) => {
      const model = new Model();
      model.release();
      for (const each of steps) {
        if (each === 'hold') model.hold();
        else if (each === 'release') model.release();
        else if (typeof each === 'number') model.finish(each);
        else model.push(each.plan, each.bytes, each.endsAtOnce);
        model.check();
      }
      if (isDiscarded) {
        model.discard();
        model.release();
        while (model.running.length > 0) model.finish(0);
        model.check();
      }
    }),
    { numRuns: 500 },
  );
});

it('begins nothing before its first release, and then everything it may', () => {
  const started: unknown[] = [];
  const inbox = new Inbox(
    { start: ({ data }) => started.push(data), full: () => undefined, relieved: () => undefined },
    limits,
  );
  const [inOrder, , pair] = plans as [HandlerPlan, HandlerPlan, HandlerPlan];
  for (const [number, plan] of [pair, inOrder, pair, pair].entries()) inbox.push(messageOf(plan, number));
  expect(started).toEqual([]);
  inbox.release();
  expect(started).toEqual([0, 1, 2]);
  inbox.finished(pair);
  expect(started).toEqual([0, 1, 2, 3]);
});

it('takes a hundred thousand messages that end at once without nesting them', () => {
  let started = 0;
  const [inOrder] = plans as [HandlerPlan];
  const inbox: Inbox = new Inbox(
    {
      start: ({ plan }) => {
        started++;
        inbox.finished(plan);
      },
      full: () => undefined,
      relieved: () => undefined,
    },
    { inboxMessages: Infinity, inboxBytes: Infinity },
  );
  for (let number = 0; number < 100_000; number++) inbox.push(messageOf(inOrder, number));
  inbox.release();
  expect(started).toBe(100_000);
});
