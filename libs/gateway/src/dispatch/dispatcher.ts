import { isObservable, type Observable } from 'rxjs';
import { decode, type Envelope, isReserved } from '@holdfast/protocol';
import type { SdkFrames } from '../lifecycle/sdk-frames.js';
import type { Session } from '../lifecycle/session.js';
import { isFollowing, runFor } from '../telemetry/message-context.js';
import { isThenable } from '../ground/is-thenable.js';
import type { HandlerPlan } from './handler-plan.js';
import type { Message } from './inbox.js';
import { Invocation } from './invocation.js';
import type { Replier } from './replier.js';

/** Brings each frame of a peer to its handler, and what the handler makes of it back to the peer. */
export class Dispatcher {
  constructor(
    private readonly replier: Replier,
    private readonly sdkFrames: SdkFrames,
  ) {}

  /** @param text - undefined for a binary frame. */
  receive(session: Session, text: string | undefined): void {
    if (session.isEnding) return;
    if (text === undefined) {
      session.violate('BINARY_UNSUPPORTED', 'Binary frames are not understood here: send JSON text');
      return;
    }
    const decoded = decode(text, session.services.options.decodeLimits);
    if (!decoded.ok) session.violate(decoded.error.code, decoded.error.message, decoded.id);
    else if (isReserved(decoded.envelope.event)) this.#reserved(session, decoded.envelope);
    else this.#message(session, decoded.envelope, text);
  }

  /** Decodes a message again that was valid when it came. */
  read({ services, endpoint }: Session, text: string): Message {
    const decoded = decode(text, services.options.decodeLimits);
    const plan = decoded.ok ? endpoint.handlers.get(decoded.envelope.event) : undefined;
    if (!decoded.ok || !plan) throw new TypeError('A message that waited can no longer be read');
    return messageOf(plan, decoded.envelope, text);
  }

  /** Begins handling; the inbox has seen to it that it is this message's turn. */
  start(session: Session, message: Message): void {
    const { wheel, metrics, clock } = session.services;
    const invocation = new Invocation(message.plan, message.id, wheel.now);
    if (metrics.isEnabled) invocation.measuredFrom = clock.now();
    if (session.isTraced || isFollowing()) this.#beginTraced(session, invocation, message);
    else this.#begin(session, invocation, message);
  }

  #beginTraced(session: Session, invocation: Invocation, message: Message): void {
    const { tracing } = session.services;
    const { plan, id, text, trace } = message;
    const { connection } = session;
    const begin = (): void => {
      runFor(connection, () => {
        this.#begin(session, invocation, message);
      });
    };
    if (!session.isTraced) {
      begin();
      return;
    }
    const bytes = Buffer.byteLength(text);
    invocation.span = tracing.message(connection, { event: plan.event, id, bytes, trace }, session.handshakeSpan);
    tracing.inside(invocation.span, begin);
  }

  /** Without a promise where nothing is asynchronous: most of the cost of a message is in those. */
  #begin(session: Session, invocation: Invocation, message: Message): void {
    const { plan, data } = message;
    try {
      const checked =
        plan.limits.length > 0 ? session.services.rateLimits.check(session.connection, data, plan.limits) : undefined;
      const result = checked
        ? // Nobody waits any more for what was given up while the limiter was asked.
          checked.then(() =>
            session.isEnding || invocation.settled ? undefined : this.#invoke(session, invocation, message),
          )
        : this.#invoke(session, invocation, message);
      if (isThenable(result)) void this.#finishLater(session, invocation, result);
      else if (isObservable(result)) this.#stream(session, invocation, result);
      else this.replier.reply(session, invocation, result);
    } catch (error) {
      this.#fail(session, invocation, error);
    }
  }

  #invoke(session: Session, invocation: Invocation, { plan, data }: Message): unknown {
    if (plan.direct) return plan.direct.run(session.connection, data, invocation);
    const callback = session.callbacks?.[plan.index];
    if (!callback) throw new Error(`"${plan.event}" of ${plan.gateway} was not bound by Nest`);
    if (!plan.acknowledges) return callback(data, plan.event, invocation);
    return callback(data, plan.event, invocation, this.replier.acknowledgement(session, invocation));
  }

  async #finishLater(session: Session, invocation: Invocation, pending: PromiseLike<unknown>): Promise<void> {
    this.#wait(session, invocation);
    try {
      const result = await pending;
      if (invocation.filtering) await invocation.filtering;
      if (isObservable(result)) this.#stream(session, invocation, result);
      else this.replier.reply(session, invocation, result);
    } catch (error) {
      this.#fail(session, invocation, error);
    }
  }

  #stream(session: Session, invocation: Invocation, source: Observable<unknown>): void {
    this.#wait(session, invocation);
    this.replier.stream(session, invocation, source);
  }

  /** Only what is not finished at once has to be remembered and looked after. */
  #wait(session: Session, invocation: Invocation): void {
    session.begun(invocation);
    this.replier.watch(session);
  }

  /** Nest's chain answers through filters; what arrives here was thrown by a filter, or by a handler that has none. */
  #fail(session: Session, invocation: Invocation, error: unknown): void {
    invocation.failed(error);
    this.replier.reply(session, invocation, undefined);
  }

  #reserved(session: Session, envelope: Envelope): void {
    if (session.connection.handshake.mode === 'sdk') this.sdkFrames.receive(session, envelope);
    else
      session.violate(
        'RESERVED_EVENT',
        'Events beginning with "$" belong to the protocol and need the subprotocol holdfast.v1.json',
        envelope.id,
      );
  }

  #message(session: Session, envelope: Envelope, text: string): void {
    if (!session.isWelcome) {
      this.sdkFrames.unexpected(session, envelope.id);
      return;
    }
    const plan = session.endpoint.handlers.get(envelope.event);
    if (plan) session.inbox.push(messageOf(plan, envelope, text));
    else session.violate('UNKNOWN_EVENT', 'No handler is subscribed to this event', envelope.id);
  }
}

function messageOf(plan: HandlerPlan, { data, id, trace }: Envelope, text: string): Message {
  return { plan, data, id, trace, text };
}
