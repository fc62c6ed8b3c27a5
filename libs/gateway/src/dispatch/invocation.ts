import type { Span } from '@opentelemetry/api';
import type { Link } from '../connection/index.js';
import type { WireMessage } from '../format/index.js';
import { Call, type NestCallback } from '../nest/index.js';
import type { Answers, Answered } from './answers.js';
import type { HandlerPlan } from './handler-plan.js';
import type { StreamReply } from './stream-reply.js';

/** Whom a message belongs to. */
export interface MessageOwner {
  readonly link: Link;
  /** Nest's chains for this connection, by {@link HandlerPlan.index}; absent where no handler needs them. */
  readonly callbacks: readonly NestCallback[] | undefined;
  /** Messages that have arrived and are not begun. */
  readonly waiting: number;
  /** Observables that have more than one answer to give. */
  readonly openStreams: number;
  /** It is not finished at once, and has to be looked after. */
  begun(invocation: Invocation): void;
  /** Its handler has finished: the next message may have its turn. */
  settled(invocation: Invocation): void;
  addStream(stream: StreamReply): void;
  removeStream(stream: StreamReply): void;
  /** How messages of this connection are answered. */
  readonly answers: Answers;
}

/** One message being handled. */
export class Invocation extends Call implements Answered {
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

  /** @param startedAt - active time at which it began, see {@link TimerWheel.now}. */
  constructor(
    readonly owner: MessageOwner,
    readonly plan: HandlerPlan,
    readonly id: string | number | undefined,
    readonly startedAt: number,
    readonly wire?: WireMessage | undefined,
  ) {
    super();
  }
}
