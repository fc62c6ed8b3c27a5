import { type RawData, WebSocket } from 'ws';
import type { Duplex } from 'node:stream';
import { CloseCode, encode, type Envelope } from '@holdfast/protocol';
import { Outbox, type OutboxLimits, type OutboxOwner } from '../outbox/outbox.js';
import type { Principal } from './principal.js';
import { Connection, type ConnectionStats } from './connection.js';
import { type ConnectionState, mayChange, type StateChange } from './connection-state.js';
import { cutReason, violationCode } from './close-reason.js';
import { describeCause, type DisconnectCause } from './disconnect-cause.js';
import { guardListeners } from './guarded-signal.js';
import type { Handshake } from './handshake.js';

/** A socket that knows its link, so that its listeners are shared functions and not closures per connection. */
export class LinkedWebSocket extends WebSocket {
  link: Link | undefined;
}

/**
 * How a frame leaves: an `event` of the application may be refused to a client that does not keep up, an `answer` is
 * owed, and `control` frames of the protocol go before both.
 */
export type Lane = 'event' | 'answer' | 'control';

/** Why a socket is not read for a while. */
export type PauseReason = 'inbox' | 'byteRate' | 'turn' | 'drain';

/** Set on sockets, so that their listeners are shared functions too. */
const linkKey = Symbol('holdfast.link');

type LinkedSocket = Duplex & { bytesRead?: number; bytesWritten?: number; [linkKey]?: Link | undefined };

const noTags: ReadonlySet<string> = new Set();

/** The machinery behind one {@link Connection}: its socket, its state and its counters. */
export abstract class Link implements OutboxOwner {
  readonly connection: Connection;
  rtt: number | undefined;
  cause: DisconnectCause | undefined;
  violations = 0;
  /** True while the client does not read what we send. */
  isCongested = false;
  /** The peer has sent a close frame, and not merely vanished. */
  hasSaidGoodbye = false;

  #state: ConnectionState = 'admitting';
  /** Undefined once it has ended, see {@link Link.#letGo}. */
  #socket: LinkedSocket | undefined;
  #ws: LinkedWebSocket | undefined;
  #outbox: Outbox | undefined;
  #pauses: Set<PauseReason> | undefined;
  #tags: Set<string> | undefined;
  #abort: AbortController | undefined;
  #messagesIn = 0;
  #messagesOut = 0;
  /** Of a socket that was let go. */
  #bytesRead = 0;
  #bytesWritten = 0;
  constructor(socket: Duplex, id: string, handshake: Handshake, joinedAt: number) {
    this.#socket = socket;
    this.connection = new Connection(this, id, handshake, joinedAt);
  }

  /** The client is admitted; before, it hears nothing of the application. */
  abstract readonly isWelcome: boolean;
  protected abstract readonly outboxLimits: OutboxLimits;
  /** Bytes have come from the socket, and go to `ws` next. */
  abstract reading(chunk: Buffer, socket: Duplex): void;
  /** What `ws` made of them was handled. */
  abstract hasRead(): void;
  protected abstract handle(data: RawData, isBinary: boolean): void;
  protected abstract changed(change: StateChange): void;
  protected abstract tagged(tag: string): void;
  protected abstract untagged(tag: string): void;
  protected abstract unencodable(event: string, message: string): void;
  /** A goodbye is on its way. */
  protected abstract closing(): void;
  protected abstract pausedFor(reason: PauseReason): void;
  /** A frame is on its way to the socket. */
  protected abstract transmitted(text: string): void;
  /** A listener of {@link Link.signal} has thrown or rejected. */
  protected abstract listenerFailed(error: unknown): void;
  abstract congested(isCongested: boolean): void;
  abstract refused(): void;
  abstract dropped(): void;
  /** The peer answered a protocol ping, or pretends to. */
  abstract ponged(payload: Buffer): void;
  abstract principalChanged(previous: Principal | undefined, current: Principal | undefined): void;

  get state(): ConnectionState {
    return this.#state;
  }

  get isEnding(): boolean {
    return this.#state === 'draining' || this.#state === 'closed';
  }

  /** True while we do not read from the socket, so that silence is our doing and not the peer's. */
  get paused(): boolean {
    return this.#pauses !== undefined && this.#pauses.size > 0;
  }

  /** Messages that wait for the client. */
  get outboxDepth(): number {
    return this.#outbox?.depth ?? 0;
  }

  /** The upgrade has happened. */
  get isAttached(): boolean {
    return this.#ws !== undefined;
  }

  get tags(): ReadonlySet<string> {
    return this.#tags ?? noTags;
  }

  get signal(): AbortSignal {
    this.#abort ??= this.#aborter();
    if (this.#state === 'closed') this.#abort.abort(this.cause);
    return this.#abort.signal;
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
    return {
      messagesIn: this.#messagesIn,
      messagesOut: this.#messagesOut,
      bytesIn: this.bytesIn,
      bytesOut: this.#bytesOut,
      violations: this.violations,
    };
  }

  /** Takes the upgraded socket. From here on frames arrive at the observer. */
  attach(ws: LinkedWebSocket): void {
    if (!this.#socket) return;
    this.#ws = ws;
    this.#outbox = new Outbox(this.#socket, this, this.outboxLimits);
    this.#socket[linkKey] = this;
    this.#socket.on('drain', onDrain);
    // Before and after the listener of `ws`, so that all that it makes of what was read lies between them.
    this.#socket.prependListener('data', onReading);
    this.#socket.on('data', onRead);
    ws.link = this;
    ws.on('message', onMessage);
    ws.on('pong', onPong);
    ws.on('error', onError);
    ws.on('close', onClose);
  }

  opened(): void {
    this.#change('open', undefined);
  }

  /** @returns false when the connection is ending, the client does not keep up or the envelope cannot be encoded. */
  send(envelope: Envelope, lane: Lane): boolean {
    if (this.isEnding || !this.#outbox) return false;
    if (lane === 'event' && !this.#outbox.admits()) return false;
    const encoded = encode(envelope);
    if (encoded.ok) return this.sendText(encoded.text, lane);
    this.unencodable(envelope.event, encoded.error.message);
    return false;
  }

  sendText(text: string, lane: Lane): boolean {
    if (this.isEnding || !this.#outbox || this.#ws?.readyState !== WebSocket.OPEN) return false;
    if (lane === 'event') return this.#outbox.offer(text);
    if (lane === 'answer') this.#outbox.answer(text);
    else this.#outbox.control(text);
    return true;
  }

  transmit(text: string): void {
    this.#messagesOut++;
    this.transmitted(text);
    this.#ws?.send(text);
  }

  /** Resolves when all that was taken so far has been given to the operating system, or the connection has ended. */
  flushed(): Promise<void> {
    return new Promise((resolve) => {
      const socket = this.#socket;
      if (!this.#outbox || !socket) resolve();
      else
        this.#outbox.onceEmpty(() => {
          // Writes finish in order, so nothing written before the empty one is left in this process.
          if (socket.writableLength === 0 || !socket.writable) resolve();
          else
            socket.write('', () => {
              resolve();
            });
        });
    });
  }

  /** The client reads so slowly, or not at all, that what waits for it is worth more than its connection. */
  overflowed(): void {
    this.#outbox?.discard();
    this.close(CloseCode.SLOW_CONSUMER, 'the client does not keep up');
  }

  ping(payload: Buffer): void {
    if (this.#ws?.readyState === WebSocket.OPEN) this.#ws.ping(payload);
  }

  pause(reason: PauseReason): void {
    // Only a flood is not read while the close frame of the peer is waited for.
    const isFlood = reason === 'turn' || reason === 'byteRate';
    if (this.#state === 'closed' || (this.isEnding && !isFlood) || this.#pauses?.has(reason)) return;
    const wasPaused = this.paused;
    (this.#pauses ??= new Set()).add(reason);
    this.pausedFor(reason);
    if (!wasPaused) this.#ws?.pause();
  }

  resume(reason: PauseReason): void {
    if (this.#pauses?.delete(reason) && !this.paused) this.#ws?.resume();
  }

  /** The handshake was refused, or the peer left before its end: there is nobody to say goodbye to. */
  abandon(): void {
    this.cause ??= this.#socket?.destroyed
      ? describeCause('network', CloseCode.ABNORMAL, 'left during the handshake')
      : describeCause('server', CloseCode.ABNORMAL, 'refused at the handshake');
    this.#end();
  }

  close(code: number, reason = ''): void {
    if (this.isEnding) return;
    this.#change('draining', describeCause('server', code, reason));
    // A paused socket would never read the peer's answer to our close frame.
    for (const reason of this.#pauses ?? []) if (reason !== 'turn') this.resume(reason);
    if (!this.#ws) {
      this.#end();
      return;
    }
    this.closing();
    this.#outbox?.onceEmpty(() => this.#ws?.close(code, cutReason(reason)));
  }

  /** Ends at once. The close frame is only a courtesy to a peer that may be gone. */
  terminate(code: number, reason: string): void {
    this.#outbox?.discard();
    this.close(code, reason);
    // On the next turn, so that the close frame has reached the kernel.
    setImmediate(() => {
      this.cut();
    });
  }

  /** Drops the socket without a word. */
  cut(): void {
    this.#ws?.terminate();
  }

  tag(tag: string): void {
    if (this.#state === 'closed' || this.#tags?.has(tag)) return;
    this.#tags ??= new Set();
    this.#tags.add(tag);
    this.tagged(tag);
  }

  untag(tag: string): void {
    if (this.#tags?.delete(tag)) this.untagged(tag);
  }

  /** The operating system takes more again. */
  drained(): void {
    this.#outbox?.drained();
  }

  received(data: RawData, isBinary: boolean): void {
    this.#messagesIn++;
    this.handle(data, isBinary);
  }

  /** A violation of RFC 6455: `ws` has sent the code already and reports 1006 for it. */
  violated(error: Error & { code?: string }): void {
    this.violations++;
    this.cause ??= describeCause('server', violationCode(error.code), error.message);
  }

  gone(code: number, reason: string): void {
    this.hasSaidGoodbye = code !== 1006;
    const initiator = code === 1006 ? 'network' : 'client';
    // `ws` reports every lost socket as 1006; only the socket itself knows ECONNRESET from ETIMEDOUT.
    const error: NodeJS.ErrnoException | null | undefined = this.#socket?.errored;
    this.cause ??= describeCause(initiator, code, reason, error?.code ?? error?.message);
    this.#end();
  }

  #end(): void {
    this.#outbox?.discard();
    this.#change('closed', this.cause);
    this.#abort?.abort(this.cause);
    this.#letGo();
  }

  #aborter(): AbortController {
    const aborter = new AbortController();
    guardListeners(aborter.signal, (error) => {
      this.listenerFailed(error);
    });
    return aborter;
  }

  /** An application may keep a connection that has ended for as long as it likes, but not the socket and its buffers with it. */
  #letGo(): void {
    this.#bytesRead = this.bytesIn;
    this.#bytesWritten = this.#bytesOut;
    if (this.#ws) this.#ws.link = undefined;
    this.#unlink();
    this.#socket = undefined;
    this.#ws = undefined;
    this.#outbox = undefined;
  }

  #unlink(): void {
    if (!this.#socket) return;
    this.#socket.off('drain', onDrain).off('data', onReading).off('data', onRead);
    this.#socket[linkKey] = undefined;
  }

  #change(to: ConnectionState, cause: DisconnectCause | undefined): void {
    const from = this.#state;
    if (!mayChange(from, to)) return;
    this.#state = to;
    this.cause ??= cause;
    this.changed({ from, to, cause: this.cause });
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  linkOfSocket(this)?.received(data, isBinary);
}

function onPong(this: WebSocket, payload: Buffer): void {
  linkOfSocket(this)?.ponged(payload);
}

function onError(this: WebSocket, error: Error): void {
  linkOfSocket(this)?.violated(error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  linkOfSocket(this)?.gone(code, reason.toString());
}

function onReading(this: LinkedSocket, chunk: Buffer): void {
  this[linkKey]?.reading(chunk, this);
}

function onRead(this: LinkedSocket): void {
  this[linkKey]?.hasRead();
}

function onDrain(this: LinkedSocket): void {
  this[linkKey]?.drained();
}

function linkOfSocket(ws: WebSocket): Link | undefined {
  return ws instanceof LinkedWebSocket ? ws.link : undefined;
}
