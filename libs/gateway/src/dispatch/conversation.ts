import type { RawData } from 'ws';
import { CloseCode, decode, type DecodeLimits, type Envelope, isReserved, ReservedEvent } from '@holdfast/protocol';
import { type Connection, type FrameReceiver, type Link, linkOf, tellFrame } from '../connection/index.js';
import { RAW_EVENT, type WireFormat } from '../format/index.js';
import type { BoundedLog, TimerWheel } from '../ground/index.js';
import { accountFor, labelOf, type NestCallback } from '../nest/index.js';
import type { Counters, Traffic } from '../telemetry/index.js';
import { type Answers, answersOf } from './answers.js';
import type { Dispatcher } from './dispatcher.js';
import type { HandlerPlan } from './handler-plan.js';
import { HandlerWatch } from './handler-watch.js';
import { Inbox, type InboxLimits, type InboxOwner, type Message } from './inbox.js';
import type { Invocation, MessageOwner } from './invocation.js';
import { bytesOf, type Frame, keepable, sizeOf, textOf } from './message-bytes.js';
import { messageOf, readAs } from './read-message.js';
import { type FrameReply, rejectEarly, type ReservedFrames } from './reserved-frames.js';
import type { StreamReply } from './stream-reply.js';
import type { Turns, TurnTaker } from './turns.js';

interface ConversationLimits extends InboxLimits {
  /** Infinity: handlers may take as long as they like. */
  readonly handlerTimeoutMs: number;
  readonly maxViolations: number;
}

/** What all conversations have in common, so that each costs one reference. */
export interface ConversationParts {
  readonly dispatcher: Dispatcher;
  readonly reservedFrames: ReservedFrames;
  readonly turns: Turns;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly traffic: Traffic;
  readonly limits: ConversationLimits;
  readonly decodeLimits: DecodeLimits;
  /** Of envelopes. */
  readonly answers: Answers;
  readonly log: BoundedLog;
}

const none: ReadonlySet<never> = new Set<never>();

/** What is said on one connection: messages that wait, handlers at work, streams and violations. */
export class Conversation implements FrameReceiver, FrameReply, MessageOwner, InboxOwner, TurnTaker {
  callbacks: NestCallback[] | undefined;
  readonly #inbox: Inbox;
  /** Frames that were read and wait for a turn of this connection. */
  #unread: Frame[] | undefined;
  #inFlight: Set<Invocation> | undefined;
  /** Observables that answer requests. */
  #streams: Set<StreamReply> | undefined;
  #watch: HandlerWatch | undefined;
  #whenIdle: (() => void)[] | undefined;

  constructor(
    private readonly parts: ConversationParts,
    readonly link: Link,
    private readonly handlers: ReadonlyMap<string, HandlerPlan>,
  ) {
    this.#inbox = new Inbox(this, parts.limits);
  }

  get answers(): Answers {
    const { format } = this.link;
    return format ? answersOf(format) : this.parts.answers;
  }

  get waiting(): number {
    return this.#inbox.length + (this.#unread?.length ?? 0);
  }

  get openStreams(): number {
    let open = 0;
    for (const stream of this.#streams ?? []) if (stream.isStreaming) open++;
    return open;
  }

  /** Messages being handled, the oldest first. */
  get inFlight(): ReadonlySet<Invocation> {
    return this.#inFlight ?? none;
  }

  get #isIdle(): boolean {
    return this.inFlight.size === 0 && this.waiting === 0;
  }

  /** @param callback - Nest's chain for an event; only kept where its handler needs it. */
  bind(event: string, callback: NestCallback): void {
    const plan = this.handlers.get(event);
    if (plan && !plan.direct) (this.callbacks ??= [])[plan.index] = callback;
  }

  /** The connection is open: messages are handled from now on. */
  open(): void {
    this.#inbox.release();
  }

  reading(): void {
    this.parts.turns.enter(this);
  }

  hasRead(): void {
    this.parts.turns.leave(this);
  }

  received(data: RawData, isBinary: boolean): void {
    const { traffic, turns } = this.parts;
    const bytes = sizeOf(data);
    traffic.messagesIn++;
    traffic.bytesIn += bytes;
    if (this.link.isEnding) return;
    const frame = isBinary ? bytesOf(data) : textOf(data);
    if (!this.#unread && turns.mayRead(this, bytes)) this.#receive(frame);
    else (this.#unread ??= []).push(keepable(frame));
  }

  /** No messages are begun for a client that does not read the answers to those before. */
  congested(isCongested: boolean): void {
    if (isCongested) this.#inbox.hold();
    else this.#inbox.release();
  }

  discard(): void {
    this.parts.traffic.messagesDropped += this.inFlight.size + this.waiting;
    this.#inbox.discard();
    this.#unread = undefined;
  }

  ended(): void {
    this.parts.turns.forget(this);
    for (const stream of this.#streams ?? []) stream.cancel();
    this.#streams = undefined;
    this.#idle();
  }

  onceIdle(callback: () => void): void {
    if (this.#isIdle) callback();
    else (this.#whenIdle ??= []).push(callback);
  }

  start(message: Message): void {
    if (message.wire?.event === RAW_EVENT) tellFrame(this.link.connection, message.frame);
    this.parts.dispatcher.start(this, message);
  }

  /** Decodes a message again that was valid when it came. */
  read(frame: Frame): Message | undefined {
    const { format } = this.link;
    if (format) return readAs(format, frame, this.handlers, this.parts);
    const decoded = decode(frame.toString(), this.parts.decodeLimits);
    return decoded.ok ? this.#messageIn(decoded.envelope, frame) : undefined;
  }

  full(): void {
    this.link.pause('inbox');
  }

  relieved(): void {
    this.link.resume('inbox');
  }

  mayBegin(): boolean {
    return this.parts.turns.mayBegin(this);
  }

  waitForTurn(): void {
    this.link.pause('turn');
  }

  takeTurn(): void {
    this.#inbox.proceed();
    const unread = this.#unread ?? [];
    let next = 0;
    for (let frame = unread[next]; frame !== undefined; frame = unread[next]) {
      if (!this.parts.turns.mayRead(this, frame.length)) break;
      next++;
      this.#receive(frame);
    }
    this.#unread = next < unread.length && !this.link.isEnding ? unread.slice(next) : undefined;
  }

  endTurns(): void {
    this.link.resume('turn');
  }

  begun(invocation: Invocation): void {
    (this.#inFlight ??= new Set()).add(invocation);
    if (this.parts.limits.handlerTimeoutMs === Infinity) return;
    this.#watch ??= new HandlerWatch(this, this.parts.wheel, this.parts.limits.handlerTimeoutMs, (late) => {
      this.parts.dispatcher.timeOut(late);
    });
    this.#watch.ensure();
  }

  settled(invocation: Invocation): void {
    this.#inFlight?.delete(invocation);
    if (!this.link.isEnding) this.parts.traffic.messagesHandled++;
    this.#inbox.finished(invocation.plan);
    if (this.#whenIdle && this.#isIdle) this.#idle();
  }

  addStream(stream: StreamReply): void {
    (this.#streams ??= new Set()).add(stream);
  }

  removeStream(stream: StreamReply): void {
    this.#streams?.delete(stream);
  }

  violate(code: string, message: string, id?: string | number): void {
    this.link.violations++;
    this.parts.counters.add('violation', code);
    this.reject(code, message, id);
    // A peer that errs before `$welcome` does not speak the protocol, so nothing it says can be trusted.
    if (!this.link.isAdmitted) this.link.close(CloseCode.BAD_MESSAGES, 'wrong frame before $welcome');
    else if (this.link.violations > this.parts.limits.maxViolations) {
      this.link.close(CloseCode.BAD_MESSAGES, 'too many bad messages');
    }
  }

  reject(code: string, message: string, id?: string | number): void {
    this.answer({ event: ReservedEvent.error, data: { code, message } }, id);
  }

  answer(envelope: Envelope, id: string | number | undefined): boolean {
    return this.link.send(id === undefined ? envelope : { ...envelope, id }, 'answer');
  }

  #receive(frame: Frame): void {
    if (this.link.isEnding) return;
    if (this.link.format) {
      this.#receiveAs(this.link.format, frame);
      return;
    }
    if (typeof frame !== 'string') {
      this.violate('BINARY_UNSUPPORTED', 'Binary frames are not understood here: send JSON text');
      return;
    }
    const decoded = decode(frame, this.parts.decodeLimits);
    if (!decoded.ok) this.violate(decoded.error.code, decoded.error.message, decoded.id);
    else if (isReserved(decoded.envelope.event)) this.#reserved(decoded.envelope, frame);
    else this.#message(decoded.envelope, frame);
  }

  #receiveAs(format: WireFormat, frame: Frame): void {
    const message = readAs(format, frame, this.handlers, this.parts);
    if (message) this.#inbox.push(message);
  }

  #reserved(envelope: Envelope, frame: Frame): void {
    const { reservedFrames } = this.parts;
    const isSdk = this.link.connection.handshake.mode === 'sdk';
    if (isSdk && reservedFrames.messageOf(envelope.event)) this.#message(envelope, frame);
    else if (isSdk) reservedFrames.receive(this, envelope);
    else
      this.violate(
        'RESERVED_EVENT',
        'Events beginning with "$" belong to the protocol and need the subprotocol holdfast.v1.json',
        envelope.id,
      );
  }

  #message(envelope: Envelope, frame: Frame): void {
    if (!this.link.isAdmitted) {
      rejectEarly(this, envelope.id);
      return;
    }
    try {
      const message = this.#messageIn(envelope, frame);
      if (message) this.#inbox.push(message);
      else this.violate('UNKNOWN_EVENT', 'No handler is subscribed to this event', envelope.id);
    } catch (error) {
      this.#refuse(error, envelope.id);
    }
  }

  /** @throws what the sender is told, for a frame of the protocol that cannot be handled. */
  #messageIn(envelope: Envelope, frame: Frame): Message | undefined {
    const plan = this.handlers.get(envelope.event);
    if (plan) return messageOf(plan, envelope, frame);
    return this.parts.reservedFrames.messageOf(envelope.event)?.(this.link, envelope, frame);
  }

  #refuse(error: unknown, id: string | number | undefined): void {
    const { data } = accountFor(error);
    if (data.code === 'MALFORMED_FRAME') {
      this.violate(data.code, data.message, id);
      return;
    }
    this.parts.counters.add('error', labelOf(data.code));
    this.answer({ event: ReservedEvent.error, data }, id);
  }

  #idle(): void {
    const callbacks = this.#whenIdle;
    this.#whenIdle = undefined;
    for (const callback of callbacks ?? []) callback();
  }
}

/** What is said on a connection whose upgrade has happened. */
export function conversationOf(connection: Connection): Conversation {
  const { receiver } = linkOf(connection);
  if (receiver instanceof Conversation) return receiver;
  throw new TypeError('This connection has no conversation: its upgrade has not happened');
}
