import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SpanContext } from '@opentelemetry/api';
import type { RawData } from 'ws';
import { CloseCode, type Envelope } from '@holdfast/protocol';
import type { Lease } from '../admission/connection-limits.js';
import { forgetHeaders } from '../admission/handshake-facts.js';
import type { ExpiryDeadlines } from '../auth/expiry-watch.js';
import type { Principal } from '../connection/principal.js';
import { Connection, linkOf } from '../connection/connection.js';
import type { ConnectionState, StateChange } from '../connection/connection-state.js';
import type { Handshake } from '../connection/handshake.js';
import { Link, type PauseReason } from '../connection/link.js';
import type { NestCallback } from '../dispatch/handler-plan.js';
import { Inbox, type InboxOwner, type Message } from '../dispatch/inbox.js';
import type { Invocation } from '../dispatch/invocation.js';
import type { StreamReply } from '../dispatch/stream-reply.js';
import type { TurnTaker } from '../dispatch/turns.js';
import type { Beat } from '../heartbeat/beat.js';
import { Intake } from '../intake/intake.js';
import type { OutboxLimits } from '../outbox/outbox.js';
import { Deadline } from '../ground/deadline.js';
import type { WheelTask } from '../ground/timer-wheel.js';
import { runFor } from '../telemetry/message-context.js';
import type { ConnectHooks } from '../gateways/connect-hooks.js';
import type { Endpoint } from '../gateways/endpoint.js';
import type { GatewayServices } from './gateway-services.js';
import { sizeOf, textOf } from '../dispatch/message-bytes.js';

const none: ReadonlySet<never> = new Set<never>();

export interface SessionInit {
  readonly id: string;
  readonly socket: Duplex;
  readonly request: IncomingMessage;
  readonly handshake: Handshake;
  readonly joinedAt: number;
  readonly endpoint: Endpoint;
  readonly lease: Lease;
}

/** What the gateway keeps for one connection. All of it ends with the connection. */
export class Session extends Link implements InboxOwner, TurnTaker {
  readonly endpoint: Endpoint;
  readonly lease: Lease;
  readonly inbox: Inbox;
  readonly isTraced: boolean;
  /** Monotonic; asked for only where it is told how long the connection lasted. */
  readonly startedAt: number;
  /** What spans of this connection link to. */
  handshakeSpan: SpanContext | undefined;
  /** Of the upgrade; only needed until the connection hooks have run. */
  request: IncomingMessage | undefined;
  /** What a guard or filter refused the handshake with, even where a filter of the application swallowed it. */
  refusal: { readonly error: unknown } | undefined;
  /** Why the token that came with the handshake cannot be looked at; undefined when it can, or there was none. */
  unusableToken: string | undefined;
  /** SDK mode: `$welcome` was sent. Plain connections are welcome from the start. */
  override isWelcome: boolean;
  /** SDK mode: `$hello` has come. */
  greeted = false;
  /** SDK mode: a fresh token is being verified. */
  isRefreshing = false;
  /** Absent where there is no heartbeat, and before `$welcome`. */
  beat: Beat | undefined;
  /** Absent where the identity does not end. */
  expiry: ExpiryDeadlines | undefined;
  /** Present while connection hooks run, also when the connection has ended before them. */
  connectHooks: ConnectHooks | undefined;
  /** Nest's chains for this connection, by {@link HandlerPlan.index}; absent where no handler needs them. */
  callbacks: NestCallback[] | undefined;
  /** Observables that answer requests; made when the first one is. */
  streams: Set<StreamReply> | undefined;
  disconnectCallbacks: ((reason: string) => void)[] | undefined;
  /** Frames that were read and wait for a turn of this connection; undefined in place of a binary one. */
  #unread: (string | undefined)[] | undefined;
  #inFlight: Set<Invocation> | undefined;
  #tasks: WheelTask[] | undefined;
  /** Connections that never send have none. */
  #intake: Intake | undefined;
  #whenIdle: (() => void)[] | undefined;

  constructor(
    readonly services: GatewayServices,
    init: SessionInit,
  ) {
    super(init.socket, init.id, init.handshake, init.joinedAt);
    this.endpoint = init.endpoint;
    this.lease = init.lease;
    this.request = init.request;
    this.isWelcome = init.handshake.mode === 'plain';
    this.inbox = new Inbox(this, services.options.messages);
    this.isTraced = services.tracing.isEnabled;
    this.startedAt = this.isTraced ? services.clock.now() : 0;
  }

  /** Runs a guard or hook so that its spans and log lines are known to be of this connection. */
  inContext<T>(span: SpanContext | undefined, work: () => T): T {
    return runFor(this.connection, () => this.services.tracing.within(span, work));
  }

  /** The handshake is over, connection hooks included: what nobody needs any more of its request is let go. */
  settle(): void {
    this.request = undefined;
    // Nobody remembers one that was refused.
    if (this.isAttached) forgetHeaders(this.connection.handshake, this.services.options.admission);
  }

  start(message: Message): void {
    this.services.dispatcher.start(this, message);
  }

  read(text: string): Message {
    return this.services.dispatcher.read(this, text);
  }

  mayBegin(): boolean {
    return this.services.turns.mayBegin(this);
  }

  waitForTurn(): void {
    this.pause('turn');
  }

  takeTurn(): void {
    this.inbox.proceed();
    const { turns, dispatcher } = this.services;
    const unread = this.#unread ?? [];
    let next = 0;
    while (next < unread.length && turns.mayRead(this, unread[next]?.length ?? 0)) {
      dispatcher.receive(this, unread[next++]);
    }
    this.#unread = next < unread.length && !this.isEnding ? unread.slice(next) : undefined;
  }

  endTurns(): void {
    this.resume('turn');
  }

  /** The inbox is above its marks. */
  full(): void {
    this.pause('inbox');
  }

  relieved(): void {
    this.resume('inbox');
  }

  /** Calls back once, when nothing that has arrived is left to be handled; at once where that is now. */
  onceIdle(callback: () => void): void {
    if (this.isIdle) callback();
    else (this.#whenIdle ??= []).push(callback);
  }

  /** Observables that have more than one answer to give. */
  get openStreams(): number {
    let open = 0;
    for (const stream of this.streams ?? []) if (stream.isStreaming) open++;
    return open;
  }

  get isIdle(): boolean {
    return this.inFlight.size === 0 && this.#waitingFrames === 0;
  }

  get #waitingFrames(): number {
    return this.inbox.length + (this.#unread?.length ?? 0);
  }

  /** Messages being handled, the oldest first. */
  get inFlight(): ReadonlySet<Invocation> {
    return this.#inFlight ?? none;
  }

  begun(invocation: Invocation): void {
    (this.#inFlight ??= new Set()).add(invocation);
  }

  /** A handler has finished. */
  settled(invocation: Invocation): void {
    this.#inFlight?.delete(invocation);
    if (!this.isEnding) this.services.traffic.messagesHandled++;
    this.inbox.finished(invocation.plan);
    if (this.#whenIdle && this.isIdle) this.#idle();
  }

  /** Runs `task` after `delayMs` of active time unless the connection has ended before. */
  after(task: WheelTask, delayMs: number): void {
    if (this.state === 'closed') return;
    this.services.wheel.schedule(task, delayMs);
    // Those that have run are dropped on the way, so that a long life does not gather them.
    if (this.#tasks?.includes(task) !== true) this.#tasks = [...(this.#tasks ?? []).filter(isScheduled), task];
  }

  /** A frame that broke the rules: answered, counted, and too many of them end the connection (PROTOCOL.md). */
  violate(code: string, message: string, id?: string | number): void {
    this.violations++;
    this.services.counters.add('violation', code);
    this.refuse(code, message, id);
    // Whoever errs before `$welcome` does not speak the protocol, so nothing it says can be trusted.
    if (!this.isWelcome) this.close(CloseCode.BAD_MESSAGES, 'wrong frame before $welcome');
    else if (this.violations > this.services.options.messages.maxViolations) {
      this.close(CloseCode.BAD_MESSAGES, 'too many bad messages');
    }
  }

  /** Sends an error frame. */
  refuse(code: string, message: string, id?: string | number): void {
    this.answer({ event: '$error', data: { code, message } }, id);
  }

  /** Sends a frame that belongs to a request, where there is one. */
  answer(envelope: Envelope, id: string | number | undefined): boolean {
    return this.send(id === undefined ? envelope : { ...envelope, id }, 'answer');
  }

  /** A connection hook threw, rejected or could not be called at all. */
  hookFailed(error: unknown): void {
    if (this.connectHooks?.fail(error) !== true) this.services.log.error('hook', 'A connection hook failed', error);
  }

  /** No messages are begun for a client that does not read the answers to those before. */
  override congested(isCongested: boolean): void {
    this.isCongested = isCongested;
    if (isCongested) this.inbox.hold();
    else this.inbox.release();
  }

  override refused(): void {
    this.services.counters.add('notTaken', 'SLOW_CONSUMER');
  }

  override dropped(): void {
    this.services.counters.add('dropped', 'SLOW_CONSUMER');
  }

  override ponged(payload: Buffer): void {
    this.services.heartbeat.ponged(this, payload);
  }

  override violated(error: Error & { code?: string }): void {
    super.violated(error);
    this.#intake?.broken();
  }

  /** Of all connections this one holds most of messages that have not arrived whole. */
  overloaded(): void {
    this.close(CloseCode.TRY_AGAIN_LATER, 'the server holds too much of unfinished messages');
  }

  override principalChanged(previous: Principal | undefined, current: Principal | undefined): void {
    this.services.registry.principalChanged(this.connection, previous, current);
    if (this.state !== 'open') return;
    this.services.expiry.watch(this);
    // Known only now: a guard of a single handler was the first to look at the token.
    const refusal = current && this.lease.bindPrincipal(current.subject);
    if (!refusal) return;
    this.refuse('TOO_MANY_CONNECTIONS_PER_PRINCIPAL', refusal.message);
    this.close(CloseCode.RATE_LIMIT_ABUSE, refusal.message);
  }

  override reading(chunk: Buffer, socket: Duplex): void {
    this.services.turns.enter(this);
    (this.#intake ??= this.#newIntake(socket)).arrived(chunk);
  }

  override hasRead(): void {
    this.services.turns.leave(this);
  }

  protected override handle(data: RawData, isBinary: boolean): void {
    const { traffic, dispatcher, turns } = this.services;
    const bytes = sizeOf(data);
    traffic.messagesIn++;
    traffic.bytesIn += bytes;
    if (this.isEnding) return;
    const text = isBinary ? undefined : textOf(data);
    if (!this.#unread && turns.mayRead(this, bytes)) dispatcher.receive(this, text);
    else (this.#unread ??= []).push(text);
  }

  protected override get outboxLimits(): OutboxLimits {
    return this.services.options.outbox;
  }

  protected override transmitted(text: string): void {
    this.services.traffic.messagesOut++;
    this.services.traffic.bytesOut += Buffer.byteLength(text);
  }

  protected override pausedFor(reason: PauseReason): void {
    this.services.counters.add('paused', reason);
    this.#intake?.paused();
  }

  /** A peer that does not answer our close frame, or does not even read it, is not waited for. */
  protected override closing(): void {
    const deadline = new Deadline(() => {
      this.cut();
    });
    this.after(deadline, this.services.options.lifecycle.closeTimeoutMs);
  }

  protected override tagged(tag: string): void {
    this.services.registry.tagged(this.connection, tag);
  }

  protected override untagged(tag: string): void {
    this.services.registry.untagged(this.connection, tag);
  }

  protected override unencodable(event: string, message: string): void {
    this.services.counters.add('error', 'UNENCODABLE');
    this.services.log.error('unencodable', `"${event}" was not sent: ${message}`);
  }

  protected override listenerFailed(error: unknown): void {
    this.services.log.error('signal', 'A listener of the signal of a connection failed', error);
  }

  protected override changed(change: StateChange): void {
    if (change.to === 'draining' || change.to === 'closed') this.#abandon(change.from);
    if (change.to === 'closed') this.#ended();
    if (this.isAttached) this.services.census.changed(this.endpoint.route, change.from, change.to);
    this.services.registry.changed(this.connection, change);
    if (change.to === 'closed' && this.isAttached) this.services.connector.ended(this);
  }

  #newIntake(socket: Duplex): Intake {
    const { unfinished, options, clock } = this.services;
    return new Intake(socket, this, unfinished, options.messages, clock);
  }

  #abandon(from: ConnectionState): void {
    if (from !== 'draining') this.services.traffic.messagesAbandoned += this.inFlight.size + this.#waitingFrames;
    this.inbox.discard();
    this.#unread = undefined;
  }

  #ended(): void {
    this.#release();
    this.services.turns.forget(this);
    this.#intake?.ended();
    this.#intake = undefined;
    for (const stream of this.streams ?? []) stream.cancel();
    this.streams = undefined;
    this.settle();
    this.#idle();
  }

  #idle(): void {
    const callbacks = this.#whenIdle;
    this.#whenIdle = undefined;
    for (const callback of callbacks ?? []) callback();
  }

  #release(): void {
    for (const task of this.#tasks ?? []) this.services.wheel.cancel(task);
    this.#tasks = undefined;
    this.lease.release();
  }
}

function isScheduled({ wheelNext }: WheelTask): boolean {
  return wheelNext !== undefined;
}

/** From the public face to the machinery. */
export function sessionOf(connection: Connection): Session {
  const link = linkOf(connection);
  if (link instanceof Session) return link;
  throw new TypeError('This connection was not made by a Holdfast gateway');
}

/** The session of what Nest hands around as "client", where it is one of ours. */
export function sessionOfClient(client: unknown): Session | undefined {
  // `instanceof` cannot know the type of `data`, and nobody here looks at it.
  return client instanceof Connection ? sessionOf(client as Connection) : undefined;
}
