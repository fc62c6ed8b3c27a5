import { inspect } from 'node:util';
import { isReserved } from '@holdfast/protocol';
import { HoldfastError } from '../errors/index.js';
import type { Principal } from './principal.js';
import type { ConnectionState } from './connection-state.js';
import type { DisconnectCause } from './disconnect-cause.js';
import type { Handshake } from './handshake.js';

/** What the face of a connection asks of the machinery behind it. */
export interface ConnectionCore {
  readonly state: ConnectionState;
  readonly cause: DisconnectCause | undefined;
  readonly signal: AbortSignal;
  readonly rtt: number | undefined;
  readonly stats: ConnectionStats;
  readonly tags: ReadonlySet<string>;
  emit(event: string, data: unknown): boolean;
  flushed(): Promise<void>;
  close(code: number, reason: string): void;
  tag(tag: string): void;
  untag(tag: string): void;
  principalChanged(previous: Principal | undefined): void;
}

/**
 * What went through a connection so far.
 *
 * @publicApi
 */
export interface ConnectionStats {
  readonly messagesIn: number;
  readonly messagesOut: number;
  /** Bytes on the socket, frames' headers included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Frames that broke the protocol or named an unknown event. */
  readonly violations: number;
}

/**
 * One client, from its admitted upgrade request to its end. This is what `@ConnectedSocket()` gives. It need not be
 * held to be reached: {@link ConnectionRegistry} finds it by id, principal, gateway or tag.
 *
 * @typeParam Data - what the application keeps with a connection, see {@link Connection.data}.
 * @publicApi
 */
export class Connection<Data extends object = Record<string, unknown>> {
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

  /** Who is at the other end; undefined while nobody has proved anything. */
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

  /**
   * Sends an event to this client.
   *
   * @returns whether it was taken: false before the guards have admitted an SDK client, once the connection is ending,
   *   when the client does not keep up (see {@link OutboxOptions.overflow}), or when `data` cannot be expressed in JSON
   *   (then logged). Taken is not delivered; {@link flushed} tells when it has left this process.
   * @throws HoldfastError `INVALID_EVENT_NAME` for names reserved to the protocol (`$...`).
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
  close(code = 1000, reason = ''): void {
    if (!isSendable(code)) {
      throw new HoldfastError(
        'INVALID_CLOSE_CODE',
        `Close code ${code} cannot be sent: allowed are 1000-1003, 1007-1009, 1011-1013 and 3000-4999`,
      );
    }
    this.#core.close(code, reason);
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

  /** @internal From the public face of a connection to its machinery. */
  static coreOf(connection: Connection): ConnectionCore {
    return connection.#core;
  }
}

function isSendable(code: number): boolean {
  const standard = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1013 && code !== 1010);
  return Number.isInteger(code) && (standard || (code >= 3000 && code <= 4999));
}
