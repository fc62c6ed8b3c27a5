import type { Observable } from 'rxjs';
import { encode, type Envelope, isReserved } from '@holdfast/protocol';
import type { Session } from '../lifecycle/session.js';
import { HandlerWatch } from './handler-watch.js';
import { accountFor, labelOf } from '../nest/error-account.js';
import type { Invocation } from './invocation.js';
import { StreamReply } from './stream-reply.js';

/** Sees to it that a request is answered once: with what its handler made of it, or with an error (PROTOCOL.md). */
export class Replier {
  readonly #watches = new WeakMap<Session, HandlerWatch>();

  /** Makes sure that somebody looks after handlers that never settle. */
  watch(session: Session): void {
    const { handlerTimeoutMs } = session.services.options.messages;
    if (handlerTimeoutMs === Infinity) return;
    let watch = this.#watches.get(session);
    if (!watch) {
      watch = new HandlerWatch(session, handlerTimeoutMs, (invocation) => {
        this.#timeOut(session, invocation);
      });
      this.#watches.set(session, watch);
    }
    watch.ensure();
  }

  reply(session: Session, invocation: Invocation, result: unknown): void {
    if (invocation.settled) {
      this.#tooLate(session, invocation);
      return;
    }
    if (invocation.failure) this.#fail(session, invocation);
    else if (!invocation.plan.acknowledges || result !== undefined) this.#succeed(session, invocation, result);
    else if (invocation.id !== undefined) return; // The handler keeps its acknowledgement for later.
    this.#settle(session, invocation);
  }

  /** For handlers that answer by `@Ack()`: the first call is the reply. */
  acknowledgement(session: Session, invocation: Invocation): (data: unknown) => void {
    return (data) => {
      if (invocation.settled) {
        if (invocation.timedOut) this.#tooLate(session, invocation);
        return;
      }
      if (invocation.id !== undefined) this.#send(session, invocation, { event: '$reply', data: data ?? null });
      this.#settle(session, invocation);
    };
  }

  stream(session: Session, invocation: Invocation, source: Observable<unknown>): void {
    let hasBegun = false;
    const finish = (result: unknown): void => {
      session.streams?.delete(stream);
      if (!hasBegun) this.reply(session, invocation, result);
      else if (invocation.failure) this.#fail(session, invocation);
      else if (invocation.id !== undefined) session.answer({ event: '$end' }, invocation.id);
    };
    const finishAfterFilters = (result: unknown): void => {
      if (invocation.filtering)
        void invocation.filtering.then(() => {
          finish(result);
        });
      else finish(result);
    };
    const stream: StreamReply = new StreamReply({
      begun: () => {
        hasBegun = true;
        this.#settle(session, invocation);
      },
      mayStream: () => this.#mayStream(session, invocation, stream),
      next: (value) => {
        // An error ends a stream, and this one has just had it.
        if (!this.#next(session, invocation, value)) this.#cancel(session, stream);
      },
      finished: finishAfterFilters,
      error: (error) => {
        invocation.failed(error);
        finishAfterFilters(undefined);
      },
      teardownFailed: (error) => {
        const { gateway, method } = invocation.plan;
        const place = `${gateway}.${method}`;
        session.services.log.error(`teardown:${place}`, `A teardown of what ${place} streamed failed`, error);
      },
    });
    (session.streams ??= new Set()).add(stream);
    invocation.stream = stream;
    stream.start(source, invocation.plan.streams);
  }

  #mayStream(session: Session, invocation: Invocation, stream: StreamReply): boolean {
    if (!session.isEnding) {
      if (session.openStreams < session.services.options.messages.maxStreams) return true;
      countError(session, invocation, 'TOO_MANY_STREAMS');
      session.refuse('TOO_MANY_STREAMS', 'This connection has as many open streams as it may have', invocation.id);
    }
    session.streams?.delete(stream);
    this.#settle(session, invocation);
    return false;
  }

  /** @returns whether the stream may go on. */
  #next(session: Session, invocation: Invocation, value: unknown): boolean {
    const { id, plan } = invocation;
    const chosen = eventResponse(value, session);
    if (chosen) return this.#send(session, invocation, chosen);
    if (id !== undefined) return this.#send(session, invocation, { event: '$next', data: value ?? null });
    return value === undefined || this.#send(session, invocation, { event: plan.event, data: value });
  }

  #cancel(session: Session, stream: StreamReply): void {
    session.streams?.delete(stream);
    stream.cancel();
  }

  #succeed(session: Session, invocation: Invocation, result: unknown): void {
    const { id, plan } = invocation;
    const chosen = eventResponse(result, session);
    if (chosen) this.#send(session, invocation, chosen);
    else if (id !== undefined) this.#send(session, invocation, { event: '$reply', data: result ?? null });
    else if (result !== undefined) this.#send(session, invocation, { event: plan.event, data: result });
  }

  #fail(session: Session, invocation: Invocation): void {
    const { data, isFault } = accountFor(invocation.failure?.error);
    const { plan, id } = invocation;
    countError(session, invocation, data.code, isFault ? invocation.failure : undefined);
    if (isFault && !invocation.handledByFilter) this.#logFault(session, invocation);
    else session.services.log.debug(`${plan.gateway}.${plan.method}`, `"${plan.event}" was answered ${data.code}`);
    if (invocation.handledByFilter && id === undefined) return;
    this.#send(session, invocation, { event: '$error', data });
  }

  /** @returns false when the connection is ending, or when it was an error that was sent instead. */
  #send(session: Session, invocation: Invocation, envelope: Envelope): boolean {
    if (session.isEnding) return false;
    const { id, plan } = invocation;
    if (id !== undefined) envelope.id = id;
    const encoded = encode(envelope);
    if (encoded.ok) return session.sendText(encoded.text, 'answer');
    countError(session, invocation, 'UNENCODABLE', {});
    session.services.log.error(
      'unencodable',
      `What ${plan.gateway}.${plan.method} answered to "${plan.event}" cannot be sent: ${encoded.error.message}`,
    );
    session.refuse('UNENCODABLE', 'The answer cannot be expressed in JSON', id);
    return false;
  }

  /** Its request was answered before. Nobody is told what came of it, but a programming error is still one. */
  #tooLate(session: Session, invocation: Invocation): void {
    if (invocation.timedOut) session.services.counters.add('late', invocation.plan.event);
    if (invocation.failure && accountFor(invocation.failure.error).isFault) this.#logFault(session, invocation);
  }

  #logFault({ services }: Session, { plan, failure }: Invocation): void {
    services.log.error(
      `${plan.gateway}.${plan.method}`,
      `${plan.gateway}.${plan.method} failed on "${plan.event}"`,
      failure?.error,
    );
  }

  #timeOut(session: Session, invocation: Invocation): void {
    countError(session, invocation, 'HANDLER_TIMEOUT', {});
    invocation.timedOut = true;
    if (invocation.stream) this.#cancel(session, invocation.stream);
    session.refuse('HANDLER_TIMEOUT', 'The handler did not finish in time', invocation.id);
    this.#settle(session, invocation);
  }

  /** The next message may have its turn. */
  #settle(session: Session, invocation: Invocation): void {
    if (invocation.settled) return;
    invocation.settled = true;
    invocation.span?.end();
    this.#measure(session, invocation);
    session.settled(invocation);
  }

  #measure({ services }: Session, { measuredFrom, plan, outcome = 'OK' }: Invocation): void {
    if (measuredFrom === undefined) return;
    const attributes = {
      'messaging.destination.name': plan.event,
      'holdfast.gateway': plan.gateway,
      'holdfast.outcome': outcome,
    };
    services.metrics.handled(attributes, services.clock.now() - measuredFrom);
  }
}

/**
 * Counts an answer that is an error, and writes it to the span of the message unless that has ended: that of a stream
 * ends with its first value.
 *
 * @param fault - present where it is this server's, with what was thrown, if anything was.
 */
function countError(
  { services }: Session,
  invocation: Invocation,
  code: string,
  fault?: { readonly error?: unknown },
): void {
  const { counters, tracing } = services;
  counters.add('error', labelOf(code));
  if (invocation.settled) return;
  invocation.outcome = labelOf(code);
  if (!invocation.span) return;
  if (fault) tracing.failed(invocation.span, code, fault.error);
  else tracing.refused(invocation.span, code);
}

/**
 * Nest's `WsResponse`: a handler chooses the event it answers with. Names of the protocol are not the handler's to
 * choose, and what is no name at all would be a frame that no client can read.
 *
 * @returns undefined for any other value, also for one that cannot be looked at: that is said when it cannot be encoded.
 */
function eventResponse(result: unknown, { services }: Session): Envelope | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  try {
    if (!('event' in result) || !('data' in result)) return undefined;
    const { event, data } = result;
    const isName =
      typeof event === 'string' &&
      event.length > 0 &&
      event.length <= services.options.decodeLimits.maxEventLength &&
      !isReserved(event);
    return isName ? { event, data } : undefined;
  } catch {
    return undefined;
  }
}
