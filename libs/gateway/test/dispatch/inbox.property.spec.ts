import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { HandlerPlan } from '../../src/dispatch/handler-plan.js';
import { Inbox, type InboxOwner, type Message } from '../../src/dispatch/inbox.js';
import type { Frame } from '../../src/dispatch/message-bytes.js';
import { messageOf, planOf } from './plans.js';

const plans = [planOf('in order'), planOf('also in order'), planOf('one of two', 2), planOf('one of three', 3)];
const limits = { inboxMessages: 8, inboxBytes: 700 };
/** What one that waits is charged beside its characters. */
const overheadBytes = 48;

/** What happens to an inbox, and what may never happen whatever does. */
class Model {
  readonly started: Message[] = [];
  readonly running: Message[] = [];
  readonly #inbox: Inbox;
  readonly #endsAtOnce = new Set<unknown>();
  readonly #pushed: Message[] = [];
  #mayBegin = true;
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
        read: (frame) => this.#read(frame),
        mayBegin: () => this.#mayBegin,
        full: () => (this.#isPaused = true),
        relieved: () => (this.#isPaused = false),
      },
      limits,
    );
  }

  push(plan: HandlerPlan, length: number, endsAtOnce: boolean): void {
    const message = messageOf(plan, this.#pushed.length, length);
    if (endsAtOnce) this.#endsAtOnce.add(message.id);
    this.#pushed.push(message);
    this.#waitingBytes += message.frame.length + overheadBytes;
    this.#inbox.push(message);
  }

  deny(): void {
    this.#mayBegin = false;
  }

  allow(): void {
    this.#mayBegin = true;
    this.#inbox.proceed();
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
    const waiting = this.#pushed.length - this.started.length;
    expect(this.#inbox.length).toBe(waiting);
    const isAboveMarks = waiting >= limits.inboxMessages || this.#waitingBytes >= limits.inboxBytes;
    const isBelowHalf = waiting <= limits.inboxMessages / 2 && this.#waitingBytes <= limits.inboxBytes / 2;
    if (isAboveMarks) expect(this.#isPaused).toBe(true);
    if (isBelowHalf) expect(this.#isPaused).toBe(false);
    // Whoever is first in the line waits for a reason.
    const next = this.#pushed[this.started.length];
    if (next && this.#holds === 0 && this.#mayBegin) expect(this.#isBusy(next.plan)).toBe(true);
  }

  #read(frame: Frame): Message {
    const message = this.#pushed[this.started.length];
    expect(message?.frame).toBe(frame);
    if (!message) throw new Error('Nothing waits');
    return message;
  }

  #start(message: Message): void {
    expect(this.#holds).toBe(0);
    expect(this.#isDiscarded).toBe(false);
    expect(this.#isBusy(message.plan)).toBe(false);
    this.started.push(message);
    this.#waitingBytes -= message.frame.length + overheadBytes;
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
      length: fc.integer({ min: 0, max: 150 }),
      endsAtOnce: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.nat(20) },
  { weight: 2, arbitrary: fc.constantFrom('hold' as const, 'release' as const) },
  { weight: 2, arbitrary: fc.constantFrom('deny' as const, 'allow' as const) },
);

it('keeps the order, the bounds and the concurrency, and lets nobody wait without a reason', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.boolean(), (steps, isDiscarded) => {
      const model = new Model();
      model.release();
      for (const each of steps) {
        if (each === 'hold') model.hold();
        else if (each === 'release') model.release();
        else if (each === 'deny') model.deny();
        else if (each === 'allow') model.allow();
        else if (typeof each === 'number') model.finish(each);
        else model.push(each.plan, each.length, each.endsAtOnce);
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
  const [inOrder, , pair] = plans as [HandlerPlan, HandlerPlan, HandlerPlan];
  const messages = [pair, inOrder, pair, pair].map((plan, number) => messageOf(plan, number));
  const inbox = new Inbox({ ...freely(messages), start: ({ data }) => started.push(data) }, limits);
  for (const message of messages) inbox.push(message);
  expect(started).toEqual([]);
  inbox.release();
  expect(started).toEqual([0, 1, 2]);
  inbox.finished(pair);
  expect(started).toEqual([0, 1, 2, 3]);
});

it('takes a hundred thousand messages that end at once without nesting them', () => {
  let started = 0;
  const [inOrder] = plans as [HandlerPlan];
  const messages = Array.from({ length: 100_000 }, (_, number) => messageOf(inOrder, number));
  const inbox: Inbox = new Inbox(
    {
      ...freely(messages),
      start: ({ plan }) => {
        started++;
        inbox.finished(plan);
      },
    },
    { inboxMessages: Infinity, inboxBytes: Infinity },
  );
  for (const message of messages) inbox.push(message);
  inbox.release();
  expect(started).toBe(100_000);
});

/** An owner that lets everything begin at once. */
function freely(messages: readonly Message[]): Omit<InboxOwner, 'start'> {
  const byFrame = new Map(messages.map((message) => [message.frame, message]));
  return {
    // Nothing else was pushed.
    read: (frame) => byFrame.get(frame),
    mayBegin: () => true,
    full: () => undefined,
    relieved: () => undefined,
  };
}
