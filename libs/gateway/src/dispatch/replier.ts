import type { Observable } from 'rxjs';
import { encode, type Envelope, isReserved, ReservedEvent } from '@holdfast/protocol';
import type { BoundedLog, Clock } from '../ground/index.js';
import { accountFor, labelOf } from '../nest/index.js';
import type { Counters, Metrics, Tracing } from '../telemetry/index.js';
import type { Invocation } from './invocation.js';
import { StreamReply } from './stream-reply.js';

export interface ReplierParts {
  readonly counters: Counters;
  readonly metrics: Pick<Metrics, 'handled'>;
  readonly tracing: Tracing;
  readonly log: BoundedLog;
  readonly clock: Clock;
  /** Of one connection, at the same time. */
  readonly maxStreams: number;
  readonly maxEventLength: number;
}

/** Sees to it that a request is answered once: with what its handler made of it, or with an error (PROTOCOL.md 4). */
export class Replier {
  constructor(private readonly parts: ReplierParts) {}

  reply(invocation: Invocation, result: unknown): void {
    if (invocation.settled) {
      this.#tooLate(invocation);
      return;
    }
    if (invocation.failure) this.#fail(invocation);
    else if (!invocation.plan.acknowledges || result !== undefined) this.#succeed(invocation, result);
    else if (invocation.id !== undefined) return; // The handler keeps its acknowledgement for later.
    this.#settle(invocation);
  }

  /** For handlers that answer by `@Ack()`: the first call is the reply. */
  acknowledgement(invocation: Invocation): (data: unknown) => void {
    return (data) => {
      if (invocation.settled) {
        if (invocation.timedOut) this.#tooLate(invocation);
        return;
      }
      if (invocation.id !== undefined) this.#send(invocation, { event: ReservedEvent.reply, data: data ?? null });
      this.#settle(invocation);
    };
  }

  stream(invocation: Invocation, source: Observable<unknown>): void {
    let hasBegun = false;
    const finish = (result: unknown): void => {
      invocation.owner.removeStream(stream);
      if (!hasBegun) this.reply(invocation, result);
      else if (invocation.failure) this.#fail(invocation);
      else if (invocation.id !== undefined) invocation.owner.answer({ event: ReservedEvent.end }, invocation.id);
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
        this.#settle(invocation);
      },
      mayStream: () => this.#mayStream(invocation, stream),
      next: (value) => {
        // An error ends a stream, and this one has just had it.
        if (!this.#next(invocation, value)) this.#cancel(invocation, stream);
      },
      finished: finishAfterFilters,
      error: (error) => {
        invocation.failed(error);
        finishAfterFilters(undefined);
      },
      teardownFailed: (error) => {
        const { gateway, method } = invocation.plan;
        const place = `${gateway}.${method}`;
        this.parts.log.error(`teardown:${place}`, `A teardown of what ${place} streamed failed`, error);
      },
    });
    invocation.owner.addStream(stream);
    invocation.stream = stream;
    stream.start(source, invocation.plan.streams);
  }

  #mayStream(invocation: Invocation, stream: StreamReply): boolean {
    const { owner } = invocation;
    if (!owner.link.isEnding) {
      if (owner.openStreams < this.parts.maxStreams) return true;
      this.#countError(invocation, 'TOO_MANY_STREAMS');
      owner.reject('TOO_MANY_STREAMS', 'This connection has as many open streams as it may have', invocation.id);
    }
    owner.removeStream(stream);
    this.#settle(invocation);
    return false;
  }

  /** @returns whether the stream may go on. */
  #next(invocation: Invocation, value: unknown): boolean {
    const { id, plan } = invocation;
    const chosen = this.#eventResponse(value);
    if (chosen) return this.#send(invocation, chosen);
    if (id !== undefined) return this.#send(invocation, { event: ReservedEvent.next, data: value ?? null });
    return value === undefined || this.#send(invocation, { event: plan.event, data: value });
  }

  #cancel(invocation: Invocation, stream: StreamReply): void {
    invocation.owner.removeStream(stream);
    stream.cancel();
  }

  #succeed(invocation: Invocation, result: unknown): void {
    const { id, plan } = invocation;
    const chosen = this.#eventResponse(result);
    if (chosen) this.#send(invocation, chosen);
    else if (id !== undefined) this.#send(invocation, { event: ReservedEvent.reply, data: result ?? null });
    else if (result !== undefined) this.#send(invocation, { event: plan.event, data: result });
  }

  #fail(invocation: Invocation): void {
    const { data, isFault } = accountFor(invocation.failure?.error);
    const { plan, id } = invocation;
    this.#countError(invocation, data.code, isFault ? invocation.failure : undefined);
    if (isFault && !invocation.handledByFilter) this.#logFault(invocation);
    else this.parts.log.debug(`${plan.gateway}.${plan.method}`, `"${plan.event}" was answered ${data.code}`);
    if (invocation.handledByFilter && id === undefined) return;
    this.#send(invocation, { event: ReservedEvent.error, data });
  }

  /** @returns false when the connection is ending, or when it was an error that was sent instead. */
  #send(invocation: Invocation, envelope: Envelope): boolean {
    const { id, plan, owner } = invocation;
    if (owner.link.isEnding) return false;
    if (id !== undefined) envelope.id = id;
    const encoded = encode(envelope);
    if (encoded.ok) return owner.link.sendText(encoded.text, 'answer');
    this.#countError(invocation, 'UNENCODABLE', {});
    this.parts.log.error(
      'unencodable',
      `What ${plan.gateway}.${plan.method} answered to "${plan.event}" cannot be sent: ${encoded.error.message}`,
    );
    owner.reject('UNENCODABLE', 'The answer cannot be expressed in JSON', id);
    return false;
  }

  /** Its request was answered before. Nobody is told what came of it, but a programming error is still one. */
  #tooLate(invocation: Invocation): void {
    if (invocation.timedOut) this.parts.counters.add('late', invocation.plan.event);
    if (invocation.failure && accountFor(invocation.failure.error).isFault) this.#logFault(invocation);
  }

  #logFault({ plan, failure }: Invocation): void {
    this.parts.log.error(
      `${plan.gateway}.${plan.method}`,
      `${plan.gateway}.${plan.method} failed on "${plan.event}"`,
      failure?.error,
    );
  }

  /** The handler has not finished in time. */
  timeOut(invocation: Invocation): void {
    this.#countError(invocation, 'HANDLER_TIMEOUT', {});
    invocation.timedOut = true;
    if (invocation.stream) this.#cancel(invocation, invocation.stream);
    invocation.owner.reject('HANDLER_TIMEOUT', 'The handler did not finish in time', invocation.id);
    this.#settle(invocation);
  }

  /** The next message may have its turn. */
  #settle(invocation: Invocation): void {
    if (invocation.settled) return;
    invocation.settled = true;
    invocation.span?.end();
    this.#measure(invocation);
    invocation.owner.settled(invocation);
  }

  #measure({ measuredFrom, plan, outcome = 'OK' }: Invocation): void {
    if (measuredFrom === undefined) return;
    const attributes = {
      'messaging.destination.name': plan.event,
      'holdfast.gateway': plan.gateway,
      'holdfast.outcome': outcome,
    };
    this.parts.metrics.handled(attributes, this.parts.clock.now() - measuredFrom);
  }

  /**
   * Counts an answer that is an error, and writes it to the span of the message unless that has ended: that of a stream
   * ends with its first value.
   *
   * @param fault - present where it is this server's, with what was thrown, if anything was.
   */
  #countError(invocation: Invocation, code: string, fault?: { readonly error?: unknown }): void {
    const { counters, tracing } = this.parts;
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
   * @returns undefined for any other value, also for one that cannot be looked at: that is said when it cannot be
   *   encoded.
   */
  #eventResponse(result: unknown): Envelope | undefined {
    if (typeof result !== 'object' || result === null) return undefined;
    try {
      if (!('event' in result) || !('data' in result)) return undefined;
      const { event, data } = result;
      return this.#isName(event) ? { event, data } : undefined;
    } catch {
      return undefined;
    }
  }

  #isName(event: unknown): event is string {
    if (typeof event !== 'string' || isReserved(event)) return false;
    return event.length > 0 && event.length <= this.parts.maxEventLength;
  }
}
