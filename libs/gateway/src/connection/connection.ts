import { inspect } from 'node:util';
import { isReserved } from '@holdfast/protocol';
import { HoldfastError, unsupported } from '../errors/index.js';
import { RawFormat } from '../format/index.js';
import { type ConnectionEvent, type ConnectionEvents, isConnectionEvent } from './client-events.js';
import type { ConnectionCore, ConnectionStats } from './connection-core.js';
import type { ConnectionState } from './connection-state.js';
import { dataFrame, type FrameData, pingPayload } from './data-frame.js';
import type { DisconnectCause } from './disconnect-cause.js';
import type { Handshake } from './handshake.js';
import type { Principal } from './principal.js';
import { refuseWsMembers } from './ws-habits.js';

type Sent = (error?: Error) => void;

type Listener<E extends ConnectionEvent> = (...args: ConnectionEvents[E]) => unknown;

/**
 * How {@link Connection.send} sends.
 *
 * @publicApi
 */
export interface SendOptions {
  /** As a binary frame, or as text. Default: bytes as binary, strings as text. */
  readonly binary?: boolean;
  /** Nothing but true, the default: a message is one frame. */
  readonly fin?: boolean;
}

/**
 * One client, from its admitted upgrade request to its end. This is what `@ConnectedSocket()` gives. It need not be
 * held to be reached: {@link ConnectionRegistry} finds it by id, principal, gateway or tag.
 *
 * It has what code written for a `WebSocket` of the package `ws` uses of a client, from `send` to `on('close')`. What
 * it cannot have throws a {@link HoldfastError} `UNSUPPORTED` that says what to use.
 *
 * @typeParam Data - what the application keeps with a connection, see {@link Connection.data}.
 * @publicApi
 */
export class Connection<Data extends object = Record<string, unknown>> {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;

  /** Unique in this process and unguessable. */
  readonly id: string;
  readonly handshake: Handshake;
  /** When the upgrade request was admitted, in milliseconds since the Unix epoch. */
  readonly joinedAt: number;
  /** The application's own facts about this connection; dies with it. */
  // Starts empty: a gateway fills it in `handleConnection`, before any of its handlers can look.
  readonly data = {} as Data;
  /**
   * The token the client gave and nobody has looked at yet; {@link AuthGuard} takes it away. Never logged or
   * serialised.
   */
  credentials: string | undefined;

  readonly #core: ConnectionCore;
  #principal: Principal | undefined;

  /** @internal Connections are created by Holdfast alone. */
  constructor(core: ConnectionCore, id: string, handshake: Handshake, joinedAt: number) {
    this.#core = core;
    this.id = id;
    this.handshake = handshake;
    this.joinedAt = joinedAt;
    Object.defineProperty(this, 'credentials', { enumerable: false, writable: true, value: undefined });
  }

  /** The authenticated client; undefined while it has not proved who it is. */
  get principal(): Principal | undefined {
    return this.#principal;
  }

  set principal(principal: Principal | undefined) {
    const previous = this.#principal;
    this.#principal = principal;
    this.#core.principalChanged(previous);
  }

  get state(): ConnectionState {
    return this.#core.state;
  }

  /** Why it is ending or has ended; undefined before. */
  get cause(): DisconnectCause | undefined {
    return this.#core.cause;
  }

  /**
   * Aborts when the connection has ended, with the {@link DisconnectCause} as reason: pass it to whatever a handler
   * waits for. A listener of it that throws or rejects is logged, and the others are called. That does not hold for a
   * signal that is derived from it by `AbortSignal.any`, where Node makes an uncaught exception of it.
   */
  get signal(): AbortSignal {
    return this.#core.signal;
  }

  /** Last measured round trip in milliseconds; undefined before the first answered heartbeat. */
  get rtt(): number | undefined {
    return this.#core.rtt;
  }

  get stats(): ConnectionStats {
    return this.#core.stats;
  }

  get tags(): ReadonlySet<string> {
    return this.#core.tags;
  }

  /** Adds names under which the registry finds this connection. */
  tag(...tags: readonly string[]): void {
    for (const tag of tags) this.#core.tag(tag);
  }

  /** Takes names away again; unknown ones are ignored. */
  untag(...tags: readonly string[]): void {
    for (const tag of tags) this.#core.untag(tag);
  }

  /** Names of the rooms that this connection is a member of. */
  get rooms(): ReadonlySet<string> {
    return this.#core.rooms.names;
  }

  /**
   * Makes this connection a member of a room: it gets what is published there from now on. Being a member already
   * changes nothing.
   *
   * @throws (rejects with) HoldfastException `INVALID_ROOM`, `TOO_MANY_ROOMS`, `UNAVAILABLE`
   */
  join(room: string): Promise<void> {
    return this.#core.rooms.join(room);
  }

  /** Ends the membership in a room; without effect where there is none. It also ends with the connection. */
  leave(room: string): void {
    this.#core.rooms.leave(room);
  }

  /**
   * Sends an event to this client.
   *
   * @returns whether it was taken: false before the guards have admitted an SDK client, once the connection is ending,
   *   when the client does not keep up (see {@link OutboxOptions.overflow}), or when `data` cannot be expressed in JSON
   *   (then logged). Taken is not delivered; {@link flushed} tells when it has left this process.
   * @throws HoldfastError `INVALID_EVENT_NAME` for names reserved to the protocol (`$...`), `UNSUPPORTED` where the
   *   format of the gateway has no events.
   */
  emit(event: string, data?: unknown): boolean {
    if (isReserved(event)) {
      throw new HoldfastError(
        'INVALID_EVENT_NAME',
        `Event "${event}" is reserved: names beginning with "$" belong to the protocol`,
      );
    }
    return this.#core.emit(event, data);
  }

  /**
   * Resolves when everything taken so far has been handed to the operating system, or the connection has ended. Never
   * rejects. What the operating system has may still be lost on the way.
   */
  flushed(): Promise<void> {
    return this.#core.flushed();
  }

  /**
   * Sends a close frame and ends the connection. Closing twice changes nothing.
   *
   * @param code - 1000 to 1013 as far as RFC 6455 section 7.4 lets a server send them, or 3000 to 4999. Default 1000.
   * @param reason - cut to 123 bytes (RFC 6455 section 5.5). Default empty.
   * @throws HoldfastError `INVALID_CLOSE_CODE`
   */
  close(code = 1000, reason: string | Buffer = ''): void {
    if (!isSendable(code)) {
      throw new HoldfastError(
        'INVALID_CLOSE_CODE',
        `Close code ${code} cannot be sent: allowed are 1000-1003, 1007-1009, 1011-1013 and 3000-4999`,
      );
    }
    this.#core.close(code, String(reason));
  }

  /** As in the WebSocket standard: {@link CONNECTING} until the guards have let the client in. */
  get readyState(): 0 | 1 | 2 | 3 {
    const { state, isAdmitted } = this.#core;
    if (state === 'closed') return 3;
    if (state === 'draining') return 2;
    return isAdmitted ? 1 : 0;
  }

  get CONNECTING(): 0 {
    return 0;
  }

  get OPEN(): 1 {
    return 1;
  }

  get CLOSING(): 2 {
    return 2;
  }

  get CLOSED(): 3 {
    return 3;
  }

  /** Bytes that wait for the client in this process. */
  get bufferedAmount(): number {
    return this.#core.bufferedBytes;
  }

  /** Whether nothing is read from the client at the moment, see {@link MessageOptions.inboxMessages}. */
  get isPaused(): boolean {
    return this.#core.paused;
  }

  /** The subprotocol that was agreed, or an empty string. */
  get protocol(): string {
    return this.handshake.subprotocol;
  }

  /** Address of the client, see {@link Handshake.ip}. */
  get ip(): string {
    return this.handshake.ip;
  }

  /** Headers of the upgrade request, see {@link Handshake.headers}. */
  get headers(): Handshake['headers'] {
    return this.handshake.headers;
  }

  /**
   * Sends text or bytes as they are, in the order of {@link emit} and under its limits.
   *
   * @param callback - called once it has been handed to the operating system, or with an error if that will not happen.
   * @returns whether it was taken, see {@link emit}.
   * @throws HoldfastError `INVALID_DATA` for what is neither text nor bytes, `UNSUPPORTED` for a fragment.
   */
  send(data: FrameData, options?: SendOptions | Sent, callback?: Sent): boolean {
    const { binary, fin }: SendOptions = typeof options === 'object' ? options : {};
    if (fin === false) throw unsupported('A fragment in send()', 'give the message as a whole');
    const sent = typeof options === 'function' ? options : callback;
    const frame = dataFrame(data, binary);
    const isTaken = this.#core.isAdmitted && this.#core.sendFrame(frame, 'event');
    if (sent) void this.#report(isTaken, sent);
    return isTaken;
  }

  /**
   * Sends a protocol ping (RFC 6455 section 5.5.2), whose answer is told to `on('pong')`. Not needed to find clients
   * that are gone: the heartbeat does.
   *
   * @param payload - text or bytes, at most 125. Default empty.
   * @throws HoldfastError `INVALID_DATA`
   */
  ping(payload?: FrameData): void {
    this.#core.ping(pingPayload(payload));
  }

  /** Drops the connection without a close frame. The client sees 1006 and cannot tell it from a network that failed. */
  terminate(): void {
    this.#core.sever();
  }

  /**
   * Calls `listener` for each event of this connection. What it throws, or rejects with, is logged and disturbs nobody.
   *
   * @throws HoldfastError `UNSUPPORTED` for other events, and for `message` unless the format of the gateway is `raw`:
   *   messages come to methods with `@SubscribeMessage()`.
   */
  on<E extends ConnectionEvent>(event: E, listener: Listener<E>): this {
    this.#check(event);
    this.#core.events.add(event, listener);
    return this;
  }

  /** See {@link on}: the first time only. */
  once<E extends ConnectionEvent>(event: E, listener: Listener<E>): this {
    this.#check(event);
    this.#core.events.addOnce(event, listener);
    return this;
  }

  /** Takes back what {@link on} or {@link once} has added. */
  off<E extends ConnectionEvent>(event: E, listener: Listener<E>): this {
    this.#check(event);
    this.#core.events.remove(event, listener);
    return this;
  }

  /** See {@link on}. */
  addListener<E extends ConnectionEvent>(event: E, listener: Listener<E>): this {
    return this.on(event, listener);
  }

  /** See {@link off}. */
  removeListener<E extends ConnectionEvent>(event: E, listener: Listener<E>): this {
    return this.off(event, listener);
  }

  /** Takes back what the application has added, for one event or for all. */
  removeAllListeners(event?: ConnectionEvent): this {
    this.#core.events.removeAll(event);
    return this;
  }

  listenerCount(event: ConnectionEvent): number {
    return this.#core.events.count(event);
  }

  /** For logs: who and where, no credentials. */
  toJSON(): Record<string, unknown> {
    const { id, state, joinedAt } = this;
    return {
      id,
      state,
      joinedAt,
      route: this.handshake.route,
      ip: this.handshake.ip,
      subject: this.#principal?.subject,
    };
  }

  /** What loggers and consoles print: the headers of the handshake hold credentials. */
  [inspect.custom](): Record<string, unknown> {
    return this.toJSON();
  }

  #check(event: string): void {
    if (!isConnectionEvent(event))
      throw unsupported(`Connection.on('${event}')`, "it tells of 'message', 'close', 'error' and 'pong'");
    if (event !== 'message' || this.#core.format instanceof RawFormat) return;
    throw unsupported(
      "Connection.on('message')",
      "messages come to methods with @SubscribeMessage(event); frames whole need { format: 'raw' } in @WebSocketGateway()",
    );
  }

  async #report(isTaken: boolean, sent: Sent): Promise<void> {
    if (isTaken) await this.flushed();
    // Never before `send` has returned.
    else await Promise.resolve();
    const isLost = !isTaken || this.state === 'closed';
    const error = isLost ? new HoldfastError('NOT_SENT', `Connection ${this.id} did not take it`) : undefined;
    this.#core.events.call('callback of send()', sent, [error]);
  }

  /** @internal From the public face of a connection to its machinery. */
  static coreOf(connection: Connection): ConnectionCore {
    return connection.#core;
  }
}

refuseWsMembers(Connection);

function isSendable(code: number): boolean {
  const standard = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1013 && code !== 1010);
  return Number.isInteger(code) && (standard || (code >= 3000 && code <= 4999));
}
