import type { Duplex } from 'node:stream';
import type { SpanContext } from '@opentelemetry/api';
import type { RawData } from 'ws';
import { CloseCode, type Envelope } from '@holdfast/protocol';
import { type BoundedLog, Deadline, type TimerWheel, type WheelTask } from '../ground/index.js';
import type { WireFormat } from '../format/index.js';
import type { IntakeOwner, IntakeParts } from '../intake/index.js';
import type { OutboxLimits } from '../outbox/index.js';
import { cutReason, violationCode } from './close-reason.js';
import { type ClientEvents, eventsOf, knownEventsOf } from './client-events.js';
import { Connection } from './connection.js';
import type { ConnectionCore, ConnectionStats } from './connection-core.js';
import { type ConnectionState, mayChange } from './connection-state.js';
import { causeOfEnd, causeOfRefusal, describeCause, type DisconnectCause } from './disconnect-cause.js';
import type { FrameReceiver } from './frame-receiver.js';
import { guardedAbort } from './guarded-signal.js';
import type { Lane, Lease, LinkFacts, LinkPlace, PauseReason, Phase } from './link-facts.js';
import type { LinkMeter } from './link-meter.js';
import { withTask } from './link-tasks.js';
import type { ObserverOf } from './observer-of.js';
import {
  type LinkedSocket,
  type LinkedWebSocket,
  listenTo,
  type SocketListener,
  stopListening,
} from './linked-web-socket.js';
import type { Principal } from './principal.js';
import { Reader } from './reader.js';
import type { OwnRooms, RoomsPort } from './rooms-port.js';
import { Writer, type WriterOwner } from './writer.js';

export type LinkObserver = ObserverOf<Link>;

/** What all links have in common, so that each costs one reference. */
export interface LinkParts {
  readonly observers: Required<LinkObserver>;
  readonly rooms: RoomsPort<Link>;
  readonly meter: LinkMeter;
  readonly wheel: TimerWheel;
  readonly log: BoundedLog;
  readonly intake: IntakeParts;
  readonly outboxLimits: OutboxLimits;
  readonly closeTimeoutMs: number;
}

const noTags: ReadonlySet<string> = new Set();

/** The wire of one {@link Connection}: socket, state, outbox, timers and tags. All of it ends with the connection. */
export class Link implements ConnectionCore, WriterOwner, IntakeOwner, SocketListener {
  readonly connection: Connection;
  readonly place: LinkPlace;
  readonly lease: Lease;
  readonly startedAt: number;
  readonly isTraced: boolean;
  rtt: number | undefined;
  cause: DisconnectCause | undefined;
  violations = 0;
  isCongested = false;
  /** The peer has sent a close frame, and not merely vanished. */
  hasClosed = false;
  /** What spans of this connection link to. */
  handshakeSpan: SpanContext | undefined;
  /** Absent before the 101. */
  receiver: FrameReceiver | undefined;
  /** What features keep, see {@link LinkField}. */
  [field: symbol]: unknown;
  #phase: Phase = 'handshake';
  #state: ConnectionState = 'admitting';
  /** Undefined once it has ended, see {@link Link.#letGo}. */
  #socket: LinkedSocket | undefined;
  #ws: LinkedWebSocket | undefined;
  #writer: Writer | undefined;
  /** Connections that never send, and whose socket was always read, have none. */
  #reader: Reader | undefined;
  #tasks: readonly WheelTask[] | undefined;
  #tags: Set<string> | undefined;
  #abort: AbortController | undefined;
  #messagesIn = 0;
  #messagesOut = 0;
  /** Of a socket that was let go. */
  #bytesRead = 0;
  #bytesWritten = 0;

  constructor(
    private readonly parts: LinkParts,
    socket: Duplex,
    { id, handshake, joinedAt, startedAt, isTraced, place, lease }: LinkFacts,
  ) {
    this.#socket = socket;
    this.place = place;
    this.lease = lease;
    this.startedAt = startedAt;
    this.isTraced = isTraced;
    this.connection = new Connection(this, id, handshake, joinedAt);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Before this, no event of the application is sent to it. */
  get isAdmitted(): boolean {
    return this.#phase === 'admitted';
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get isEnding(): boolean {
    return this.#state === 'draining' || this.#state === 'closed';
  }

  /** True while we do not read from the socket, so that silence is our doing and not the peer's. */
  get paused(): boolean {
    return this.#reader?.isPaused === true;
  }

  /** Messages that wait for the client. */
  get outboxDepth(): number {
    return this.#writer?.depth ?? 0;
  }

  get tags(): ReadonlySet<string> {
    return this.#tags ?? noTags;
  }

  get signal(): AbortSignal {
    this.#abort ??= guardedAbort(this.parts.log);
    if (this.#state === 'closed') this.#abort.abort(this.cause);
    return this.#abort.signal;
  }

  get events(): ClientEvents {
    return eventsOf(this.connection, this.parts.log);
  }

  get bufferedBytes(): number {
    return this.#writer?.bytes ?? 0;
  }

  get bytesIn(): number {
    return this.#socket?.bytesRead ?? this.#bytesRead;
  }

  /** Bytes that have left this process. */
  get bytesTaken(): number {
    return this.#bytesOut - (this.#socket?.writableLength ?? 0);
  }

  get #bytesOut(): number {
    return this.#socket?.bytesWritten ?? this.#bytesWritten;
  }

  get stats(): ConnectionStats {
    const { bytesIn, violations } = this;
    return {
      messagesIn: this.#messagesIn,
      messagesOut: this.#messagesOut,
      bytesIn,
      bytesOut: this.#bytesOut,
      violations,
    };
  }

  /** Takes the upgraded socket: from here on frames arrive at `receiver`. */
  attach(ws: LinkedWebSocket, receiver: FrameReceiver): void {
    if (!this.#socket) return;
    this.#ws = ws;
    this.receiver = receiver;
    this.#writer = new Writer(this.#socket, ws, this, this.parts.meter, this.parts.outboxLimits);
    this.#phase = this.connection.handshake.mode === 'plain' ? 'admitted' : 'hello';
    listenTo(this.#socket, ws, this);
    this.parts.observers.joined(this);
  }

  /** The guards decide about what the client has said of itself. */
  greet(): void {
    this.#phase = 'greeted';
  }

  /** The guards have let it in. */
  admit(): void {
    this.#phase = 'admitted';
    this.parts.observers.admitted(this);
  }

  /** @throws what an observer throws: the client is not to be served then. */
  open(): void {
    this.#change('open', undefined);
    // An observer of that step may have closed it.
    if (!this.isEnding) this.parts.observers.opened(this);
  }

  /** What a plain client speaks; undefined: envelopes, as SDK clients always do. */
  get format(): WireFormat | undefined {
    return this.connection.handshake.mode === 'plain' ? this.place.format : undefined;
  }

  emit(event: string, data: unknown): boolean {
    return this.isAdmitted && !this.isEnding && this.#writer?.sendEvent(this.format, event, data) === true;
  }

  /** @returns false when the connection is ending, the client does not keep up or the envelope cannot be encoded. */
  send(envelope: Envelope, lane: Lane): boolean {
    return !this.isEnding && this.#writer?.send(envelope, lane) === true;
  }

  sendFrame(frame: Buffer, lane: Lane): boolean {
    return !this.isEnding && this.#writer?.sendFrame(frame, lane) === true;
  }

  transmitted(): void {
    this.#messagesOut++;
  }

  flushed(): Promise<void> {
    return this.#writer?.flushed() ?? Promise.resolve();
  }

  congested(isCongested: boolean): void {
    this.isCongested = isCongested;
    this.receiver?.congested(isCongested);
    this.parts.observers.congested(this, isCongested);
  }

  /** The client reads so slowly, or not at all, that what waits for it is worth more than its connection. */
  overflowed(): void {
    this.close(CloseCode.SLOW_CONSUMER, 'the client does not keep up');
  }

  /** Of all connections this one holds most of messages that have not arrived whole. */
  overloaded(): void {
    this.close(CloseCode.TRY_AGAIN_LATER, 'the server holds too much of unfinished messages');
  }

  /** @param payload - see {@link pingFrame}. */
  ping(payload: Uint8Array): void {
    this.#writer?.ping(payload);
  }

  /** Calls nothing that belongs to the connection after its end: schedules `task`, unless it has ended before. */
  after(task: WheelTask, delayMs: number): void {
    if (this.#state === 'closed') return;
    this.parts.wheel.schedule(task, delayMs);
    this.#tasks = withTask(this.#tasks, task);
  }

  pause(reason: PauseReason): void {
    // Not before the 101, when nobody reads but the server.
    if (this.#state !== 'closed') this.#reading?.pause(reason);
  }

  resume(reason: PauseReason): void {
    this.#reader?.resume(reason);
  }

  /** The handshake was refused, or the peer left before its end: there is nobody to send a close frame to. */
  abandon(): void {
    this.cause ??= causeOfRefusal(this.#socket?.destroyed === true);
    this.#end();
  }

  close(code: number, reason = ''): void {
    if (this.isEnding) return;
    this.#change('draining', describeCause('server', code, reason));
    this.#reader?.close();
    if (!this.#ws) {
      this.#end();
      return;
    }
    // A peer that does not answer our close frame, or does not even read it, is not waited for.
    this.after(new Deadline(() => this.cut()), this.parts.closeTimeoutMs);
    this.#writer?.onceEmpty(() => this.#ws?.close(code, cutReason(reason)));
  }

  /** Ends at once. The close frame is only a courtesy to a peer that may be gone. */
  terminate(code: number, reason: string): void {
    this.#writer?.discard();
    this.close(code, reason);
    // On the next turn, so that the close frame has reached the kernel.
    setImmediate(() => {
      this.cut();
    });
  }

  /** The application drops it. */
  sever(): void {
    this.#writer?.discard();
    this.#change('draining', describeCause('server', CloseCode.ABNORMAL, 'terminated by the application'));
    if (this.#ws) this.cut();
    else this.#end();
  }

  /** Drops the socket without a close frame. */
  cut(): void {
    this.#ws?.terminate();
  }

  get rooms(): OwnRooms {
    return this.parts.rooms.of(this);
  }

  tag(tag: string): void {
    if (this.#state === 'closed' || this.#tags?.has(tag)) return;
    this.#tags ??= new Set();
    this.#tags.add(tag);
    this.parts.observers.tagged(this, tag);
  }

  untag(tag: string): void {
    if (this.#tags?.delete(tag)) this.parts.observers.untagged(this, tag);
  }

  principalChanged(previous: Principal | undefined): void {
    this.parts.observers.principalChanged(this, previous);
  }

  reading(chunk: Buffer, socket: Duplex): void {
    this.receiver?.reading();
    this.#reading?.arrived(chunk, socket);
  }

  hasRead(): void {
    this.receiver?.hasRead();
  }

  drained(): void {
    this.#writer?.drained();
  }

  received(data: RawData, isBinary: boolean): void {
    this.#messagesIn++;
    this.receiver?.received(data, isBinary);
  }

  ponged(payload: Buffer): void {
    knownEventsOf(this.connection)?.tell('pong', payload);
    this.parts.observers.ponged(this, payload);
  }

  /** A violation of RFC 6455: `ws` has sent the code already and reports 1006 for it. */
  violated(error: Error & { code?: string }): void {
    this.violations++;
    this.#reader?.broken();
    this.cause ??= describeCause('server', violationCode(error.code), error.message);
    knownEventsOf(this.connection)?.tell('error', error);
  }

  gone(code: number, reason: Buffer): void {
    this.hasClosed = code !== CloseCode.ABNORMAL;
    this.cause ??= causeOfEnd(code, reason.toString(), this.#socket?.errored);
    this.#end();
    knownEventsOf(this.connection)?.tell('close', code, reason);
  }

  get #reading(): Reader | undefined {
    if (!this.#ws) return undefined;
    return (this.#reader ??= new Reader(this.#ws, this, this.parts.intake, this.parts.meter, this.isEnding));
  }

  #end(): void {
    this.#writer?.discard();
    this.#change('closed', this.cause);
    this.#letGo();
  }

  /** An application may keep a connection that has ended for as long as it likes, but not its socket and buffers. */
  #letGo(): void {
    this.#bytesRead = this.bytesIn;
    this.#bytesWritten = this.#bytesOut;
    stopListening(this.#socket, this.#ws);
    this.#socket = undefined;
    this.#ws = undefined;
    this.#writer = undefined;
  }

  /** The one place where the state changes. `docs/architecture.md` gives the order of what follows, and its reasons. */
  #change(to: ConnectionState, cause: DisconnectCause | undefined): void {
    const from = this.#state;
    if (!mayChange(from, to)) return;
    this.#state = to;
    this.cause ??= cause;
    if (this.isEnding && from !== 'draining') this.receiver?.discard();
    if (to === 'closed') this.#release();
    this.parts.observers.changed(this, { from, to, cause: this.cause });
    if (to === 'closed' && this.#phase !== 'handshake') this.parts.observers.ended(this);
  }

  #release(): void {
    this.receiver?.ended();
    this.#reader?.ended();
    this.#reader = undefined;
    for (const task of this.#tasks ?? []) this.parts.wheel.cancel(task);
    this.#tasks = undefined;
    this.lease.release();
    this.#abort?.abort(this.cause);
  }
}
