import type { WireMessage } from '../format/index.js';
import type { HandlerPlan } from './handler-plan.js';
import { type Frame, keepable } from './message-bytes.js';

/** A decoded message on its way to its handler. */
export interface Message {
  readonly plan: HandlerPlan;
  readonly data: unknown;
  readonly id: string | number | undefined;
  /** W3C traceparent of the frame. */
  readonly trace: string | undefined;
  /** What it was decoded from. */
  readonly frame: Frame;
  /** As the format of its gateway has read it; undefined for an envelope. */
  readonly wire: WireMessage | undefined;
}

/** Whom an inbox works for. */
export interface InboxOwner {
  start(message: Message): void;
  /** Decodes a message again, whose turn has come. It was valid when it came. */
  read(frame: Frame): Message | undefined;
  /** Whether one more that waits may begin now; otherwise {@link Inbox.proceed} is called when one may. */
  mayBegin(): boolean;
  /** It is above its marks: no more, please. */
  full(): void;
  /** It is below half of them again. */
  relieved(): void;
}

export interface InboxLimits {
  readonly inboxMessages: number;
  readonly inboxBytes: number;
}

/** What a message that waits costs beside its text: the string's header and its places in two lists. */
const messageBytes = 48;

/**
 * The messages of one connection that wait for their turn. Bounded: above its marks the socket is no longer read, so
 * that TCP slows the peer down; below half of them it is read again. What was read together with the last one that
 * fitted still comes along: at most 64 KiB, which is what Node reads at once.
 *
 * Keeps frames and not what was decoded from them: objects take up to 25 times the memory of their text.
 */
export class Inbox {
  #frames: Frame[] = [];
  #plans: HandlerPlan[] = [];
  #first = 0;
  #bytes = 0;
  /** Reasons not to begin anything: connection hooks at work, a client that does not read. */
  #holds = 1;
  #isStarting = false;
  #busyInOrder = false;
  #busyConcurrent: Map<HandlerPlan, number> | undefined;

  constructor(
    private readonly owner: InboxOwner,
    private readonly limits: InboxLimits,
  ) {}

  get length(): number {
    return this.#frames.length - this.#first;
  }

  push(message: Message): void {
    if (this.length === 0 && this.#isFree(message.plan)) {
      this.#start(message);
      return;
    }
    this.#frames.push(keepable(message.frame));
    this.#plans.push(message.plan);
    this.#bytes += costOf(message.frame);
    if (this.length >= this.limits.inboxMessages || this.#bytes >= this.limits.inboxBytes) this.owner.full();
  }

  /** Begins nothing until as many calls of {@link release}. A new inbox is held once, for the connection hooks. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    this.proceed();
  }

  finished(plan: HandlerPlan): void {
    if (plan.concurrency === undefined) this.#busyInOrder = false;
    else this.#busyConcurrent?.set(plan, (this.#busyConcurrent.get(plan) ?? 1) - 1);
    this.proceed();
  }

  /** The connection has ended: messages that still wait are dropped. */
  discard(): void {
    this.#holds = Infinity;
    this.#frames = [];
    this.#plans = [];
    this.#first = 0;
    this.#bytes = 0;
  }

  /** Begins what may begin. */
  proceed(): void {
    // A handler that is not asynchronous finishes within the call that begins it. The loop below goes on by itself;
    // calling it once more for each message would overflow the stack when thousands wait.
    if (this.#isStarting) return;
    this.#isStarting = true;
    for (;;) {
      const plan = this.#plans[this.#first];
      if (!plan || !this.#isFree(plan) || !this.owner.mayBegin()) break;
      const message = this.owner.read(this.#take());
      if (message) this.#start(message);
    }
    this.#isStarting = false;
    if (this.length <= this.limits.inboxMessages / 2 && this.#bytes <= this.limits.inboxBytes / 2)
      this.owner.relieved();
  }

  #take(): Frame {
    const frame = this.#frames[this.#first] ?? '';
    this.#frames[this.#first++] = '';
    this.#bytes -= costOf(frame);
    // Moving the rest only when half is used up keeps taking a message O(1) on average.
    if (this.#first * 2 >= this.#frames.length) {
      this.#frames = this.#frames.slice(this.#first);
      this.#plans = this.#plans.slice(this.#first);
      this.#first = 0;
    }
    return frame;
  }

  #isFree(plan: HandlerPlan): boolean {
    if (this.#holds > 0) return false;
    if (plan.concurrency === undefined) return !this.#busyInOrder;
    return (this.#busyConcurrent?.get(plan) ?? 0) < plan.concurrency;
  }

  #start(message: Message): void {
    const { plan } = message;
    if (plan.concurrency === undefined) this.#busyInOrder = true;
    else (this.#busyConcurrent ??= new Map<HandlerPlan, number>()).set(plan, (this.#busyConcurrent.get(plan) ?? 0) + 1);
    this.owner.start(message);
  }
}

function costOf(frame: Frame): number {
  return Buffer.byteLength(frame) + messageBytes;
}
