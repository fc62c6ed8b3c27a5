import type { Observable } from 'rxjs';
import type { ErrorData } from '@holdfast/protocol';
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
}

const unencodable: ErrorData = { code: 'UNENCODABLE', message: 'The answer cannot be expressed in JSON' };

/** Sees to it that a request is answered once: with what its handler made of it, or with an error (PROTOCOL.md 4). */
export class Replier {
  constructor(private readonly parts: ReplierParts) {}

  reply(invocation: Invocation, result: unknown): void {
    if (invocation.settled) {
      this.#tooLate(invocation);
      return;
    }
    if (invocation.failure) this.#fail(invocation);
    else if (!invocation.plan.acknowledges || result !== undefined) this.#say(invocation, 'reply', result);
    else if (isAnswered(invocation)) return; // The handler keeps its acknowledgement for later.
    this.#settle(invocation);
  }

  /** For handlers that answer by `@Ack()`: the first call is the reply. */
  acknowledgement(invocation: Invocation): (data: unknown) => void {
    return (data) => {
      if (invocation.settled) {
        if (invocation.timedOut) this.#tooLate(invocation);
        return;
      }
      this.#say(invocation, 'acknowledge', data);
      this.#settle(invocation);
    };
  }

  stream(invocation: Invocation, source: Observable<unknown>): void {
    let hasBegun = false;
    const finish = (result: unknown): void => {
      invocation.owner.removeStream(stream);
      if (!hasBegun) this.#finishWith(invocation, result);
      else if (invocation.failure) this.#fail(invocation);
      else this.#say(invocation, 'end', undefined);
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
        if (!this.#say(invocation, 'next', value)) this.#cancel(invocation, stream);
      },
      finished: finishAfterFilters,
      error: (error, value) => {
        invocation.failed(error);
        finishAfterFilters(value);
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

  /** The one value of a stream is its reply, unless an error came after it. */
  #finishWith(invocation: Invocation, result: unknown): void {
    if (invocation.failure && result !== undefined && !invocation.settled) this.#say(invocation, 'next', result);
    this.reply(invocation, result);
  }

  #mayStream(invocation: Invocation, stream: StreamReply): boolean {
    const { owner } = invocation;
    if (!owner.link.isEnding) {
      if (owner.openStreams < this.parts.maxStreams) return true;
      this.#countError(invocation, 'TOO_MANY_STREAMS');
      this.#tell(invocation, {
        code: 'TOO_MANY_STREAMS',
        message: 'This connection has as many open streams as it may have',
      });
    }
    owner.removeStream(stream);
    this.#settle(invocation);
    return false;
  }

  #cancel(invocation: Invocation, stream: StreamReply): void {
    invocation.owner.removeStream(stream);
    stream.cancel();
  }

  #fail(invocation: Invocation): void {
    const { data, isFault } = accountFor(invocation.failure?.error);
    const { plan, id } = invocation;
    this.#countError(invocation, data.code, isFault ? invocation.failure : undefined);
    if (isFault && !invocation.handledByFilter) this.#logFault(invocation);
    else this.parts.log.debug(`${plan.gateway}.${plan.method}`, () => `"${plan.event}" was answered ${data.code}`);
    if (invocation.handledByFilter && id === undefined) return;
    this.#tell(invocation, data, invocation.failure?.error);
  }

  /** @returns false when the connection is ending, or when it was an error that was sent instead. */
  #say(invocation: Invocation, what: 'reply' | 'acknowledge' | 'next' | 'end', value: unknown): boolean {
    const { answers, link } = invocation.owner;
    if (link.isEnding) return false;
    let frame: Buffer | undefined;
    try {
      frame = answers[what](invocation, value);
    } catch (error) {
      this.#unencodable(invocation, error);
      return false;
    }
    return frame === undefined || link.sendFrame(frame, 'answer');
  }

  #unencodable(invocation: Invocation, error: unknown): void {
    const { plan } = invocation;
    this.#countError(invocation, 'UNENCODABLE', {});
    this.parts.log.error(
      'unencodable',
      `What ${plan.gateway}.${plan.method} answered to "${plan.event}" cannot be sent: ${messageOf(error)}`,
    );
    this.#tell(invocation, unencodable);
  }

  /** Sends an error. */
  #tell(invocation: Invocation, error: ErrorData, exception?: unknown): void {
    const { answers, link } = invocation.owner;
    if (link.isEnding) return;
    try {
      const frame = answers.error(invocation, error, exception);
      if (frame) link.sendFrame(frame, 'answer');
    } catch (failure) {
      // The format may fail on that, too.
      if (error !== unencodable) this.#unencodable(invocation, failure);
    }
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
    this.#hintAtConcurrency(invocation);
    if (invocation.stream) this.#cancel(invocation, invocation.stream);
    this.#tell(invocation, { code: 'HANDLER_TIMEOUT', message: 'The handler did not finish in time' });
    this.#settle(invocation);
  }

  #hintAtConcurrency({ plan, owner }: Invocation): void {
    if (plan.concurrency !== undefined || owner.waiting === 0) return;
    const place = `${plan.gateway}.${plan.method}`;
    this.parts.log.warn(
      `timeout:${place}`,
      () =>
        `${place} did not finish in time, while other messages of the same client waited for it. ` +
        'If it waits for one of them, put @Concurrent(2) on it',
    );
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
}

/** Whether its sender is told what came of it: by the id of its envelope, or as its format has it. */
function isAnswered({ id, wire }: Invocation): boolean {
  return id !== undefined || wire !== undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
