import { EventEmitter } from 'node:events';
import { type BoundedLog, isThenable } from '../ground/index.js';

/**
 * What {@link Connection.on} tells of a connection, and what listeners are given.
 *
 * @publicApi
 */
export interface ConnectionEvents {
  /** A frame has arrived, on a gateway whose format is `raw`; `isBinary` is false for text. */
  message: [data: Buffer, isBinary: boolean];
  /** It has ended: the close code (RFC 6455 section 7.4; 1006 without a close frame) and its reason. */
  close: [code: number, reason: Buffer];
  /** The client has broken the WebSocket protocol; `close` follows. */
  error: [error: Error];
  /** The client has answered a protocol ping, of its {@link Connection.ping} or of the heartbeat. */
  pong: [payload: Buffer];
}

export type ConnectionEvent = keyof ConnectionEvents;

const known: ReadonlySet<string> = new Set<ConnectionEvent>(['message', 'close', 'error', 'pong']);

export function isConnectionEvent(event: string): event is ConnectionEvent {
  return known.has(event);
}

type Listener<E extends ConnectionEvent> = (...args: ConnectionEvents[E]) => unknown;

const all = new WeakMap<object, ClientEvents>();

/** The listeners of a connection. Most have none, which costs them nothing. */
export function eventsOf(connection: object, log: BoundedLog): ClientEvents {
  const known = all.get(connection) ?? new ClientEvents(connection, log);
  all.set(connection, known);
  return known;
}

/** The same, if it has any. */
export function knownEventsOf(connection: object): ClientEvents | undefined {
  return all.get(connection);
}

/** Listeners of the application on one connection. One that fails is logged, and disturbs nobody. */
export class ClientEvents {
  // Of any number of listeners: those of an application come and go with what it does for the client.
  readonly #emitter = new EventEmitter().setMaxListeners(0);

  constructor(
    private readonly client: object,
    private readonly log: BoundedLog,
  ) {}

  add<E extends ConnectionEvent>(event: E, listener: Listener<E>): void {
    this.#emitter.on(event, listener);
  }

  addOnce<E extends ConnectionEvent>(event: E, listener: Listener<E>): void {
    this.#emitter.once(event, listener);
  }

  remove<E extends ConnectionEvent>(event: E, listener: Listener<E>): void {
    this.#emitter.off(event, listener);
  }

  removeAll(event: ConnectionEvent | undefined): void {
    this.#emitter.removeAllListeners(event);
  }

  count(event: ConnectionEvent): number {
    return this.#emitter.listenerCount(event);
  }

  tell<E extends ConnectionEvent>(event: E, ...args: ConnectionEvents[E]): void {
    // One by one, because an emitter stops at the first that throws.
    for (const listener of this.#emitter.rawListeners(event)) this.call(`listener of "${event}"`, listener, args);
  }

  /** @param what - what is called, for the log; a name in the program, so that there are few. */
  call(what: string, callback: CallableFunction, args: readonly unknown[]): void {
    const failed = (error: unknown): void => {
      this.log.error(`client:${what}`, `A ${what} of a connection failed`, error);
    };
    try {
      const result: unknown = Reflect.apply(callback, this.client, args);
      if (isThenable(result)) void result.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** Tells listeners of `message` a frame of a format that has no events. */
export function tellFrame(connection: object, frame: string | Buffer): void {
  const isBinary = typeof frame !== 'string';
  knownEventsOf(connection)?.tell('message', isBinary ? frame : Buffer.from(frame), isBinary);
}
