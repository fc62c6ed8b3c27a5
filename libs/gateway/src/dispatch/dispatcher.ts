import { isObservable, type Observable } from 'rxjs';
import { type Clock, isThenable, type TimerWheel } from '../ground/index.js';
import type { RateLimits } from '../rate-limit/index.js';
import { isFollowing, runFor, type Tracing } from '../telemetry/index.js';
import type { Message } from './inbox.js';
import { Invocation, type MessageOwner } from './invocation.js';
import type { Replier } from './replier.js';

export interface DispatcherParts {
  readonly replier: Replier;
  readonly rateLimits: RateLimits;
  readonly tracing: Tracing;
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  /** Whether the time of handling is measured. */
  readonly metrics: { readonly isEnabled: boolean };
}

/** Brings each message to its handler, and what the handler makes of it back to the peer. */
export class Dispatcher {
  constructor(private readonly parts: DispatcherParts) {}

  /** Begins handling; the inbox has seen to it that it is this message's turn. */
  start(owner: MessageOwner, message: Message): void {
    const { wheel, metrics, clock } = this.parts;
    const invocation = new Invocation(owner, message.plan, message.id, wheel.now, message.wire);
    if (metrics.isEnabled) invocation.measuredFrom = clock.now();
    if (owner.link.isTraced || isFollowing()) this.#beginTraced(invocation, message);
    else this.#begin(invocation, message);
  }

  /** The handler has not finished in time: its request is answered without it. */
  timeOut(invocation: Invocation): void {
    this.parts.replier.timeOut(invocation);
  }

  #beginTraced(invocation: Invocation, message: Message): void {
    const { tracing } = this.parts;
    const { plan, id, frame, trace } = message;
    const { link } = invocation.owner;
    const begin = (): void => {
      runFor(link.connection, () => {
        this.#begin(invocation, message);
      });
    };
    if (!link.isTraced) {
      begin();
      return;
    }
    const bytes = Buffer.byteLength(frame);
    invocation.span = tracing.message(link.connection, { event: plan.event, id, bytes, trace }, link.handshakeSpan);
    tracing.inside(invocation.span, begin);
  }

  /** Without a promise where nothing is asynchronous: most of the cost of a message is in those. */
  #begin(invocation: Invocation, message: Message): void {
    const { plan, data } = message;
    const { link } = invocation.owner;
    try {
      const checked =
        plan.limits.length > 0 ? this.parts.rateLimits.check(link.connection, data, plan.limits) : undefined;
      const result = checked
        ? // Nobody waits any more for what was given up while the limiter was asked.
          checked.then(() => (link.isEnding || invocation.settled ? undefined : this.#invoke(invocation, message)))
        : this.#invoke(invocation, message);
      if (isThenable(result)) void this.#finishLater(invocation, result);
      else if (isObservable(result)) this.#stream(invocation, result);
      else if (invocation.filtering) void this.#finishLater(invocation, invocation.filtering);
      else this.parts.replier.reply(invocation, result);
    } catch (error) {
      this.#fail(invocation, error);
    }
  }

  #invoke(invocation: Invocation, { plan, data }: Message): unknown {
    const { link, callbacks } = invocation.owner;
    if (plan.direct) return plan.direct.run(link.connection, data, invocation);
    const callback = callbacks?.[plan.index];
    if (!callback) throw new Error(`"${plan.event}" of ${plan.gateway} was not bound by Nest`);
    if (!plan.acknowledges) return callback(data, plan.event, invocation);
    return callback(data, plan.event, invocation, this.parts.replier.acknowledgement(invocation));
  }

  async #finishLater(invocation: Invocation, pending: PromiseLike<unknown>): Promise<void> {
    invocation.owner.begun(invocation);
    try {
      const result = await pending;
      if (invocation.filtering) await invocation.filtering;
      if (isObservable(result)) this.#stream(invocation, result);
      else this.parts.replier.reply(invocation, result);
    } catch (error) {
      this.#fail(invocation, error);
    }
  }

  #stream(invocation: Invocation, source: Observable<unknown>): void {
    this.parts.replier.stream(invocation, source);
    // Interceptors make an observable of what is answered at once: that is over by now, and needs no looking after.
    if (!invocation.settled) invocation.owner.begun(invocation);
  }

  /** Nest's chain answers through filters; what arrives here was thrown by a filter, or by a handler that has none. */
  #fail(invocation: Invocation, error: unknown): void {
    invocation.failed(error);
    this.parts.replier.reply(invocation, undefined);
  }
}
