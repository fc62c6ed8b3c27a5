import type { Span } from '@opentelemetry/api';
import type { HandlerPlan } from './handler-plan.js';
import type { StreamReply } from './stream-reply.js';

/**
 * One message being handled. It travels with the arguments of Nest's chain, so that a filter, which Nest gives no way
 * to answer, can tell the dispatcher what went wrong.
 */
export class Invocation {
  /** Active time at which it began, see {@link TimerWheel.now}. */
  readonly startedAt: number;
  failure: { readonly error: unknown } | undefined;
  /** A filter of the application sent something in place of the error; only a request's id still has to be answered. */
  handledByFilter = false;
  /** Set while an asynchronous filter works. */
  filtering: Promise<void> | undefined;
  /** Its request has its reply, or its time is up: whatever comes now is too late. */
  settled = false;
  /** It was settled by its deadline. */
  timedOut = false;
  /** What it returned, while that is an observable. */
  stream: StreamReply | undefined;
  span: Span | undefined;
  /** Code of the error it was answered by; undefined for an answer, or for none. */
  outcome: string | undefined;
  /** Monotonic time at its turn, where handling is measured. */
  measuredFrom: number | undefined;

  constructor(
    readonly plan: HandlerPlan,
    readonly id: string | number | undefined,
    startedAt: number,
  ) {
    this.startedAt = startedAt;
  }

  failed(error: unknown): void {
    this.failure = { error };
  }
}
