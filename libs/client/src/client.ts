import { type Envelope, ReservedEvent } from '@holdfast/protocol';
import { Driver } from './driver.js';
import { Emitter } from './emitter.js';
import { closedError, HoldfastError } from './errors.js';
import {
  type AnyEvents,
  type ClientEvent,
  type ClientEvents,
  type DataOf,
  type EventMap,
  type Listener,
  type ReplyOf,
  type ServerEvent,
} from './events.js';
import { outgoing, tooLarge } from './frame.js';
import { type ConnectionState } from './machine.js';
import { type ClientOptions, resolveOptions, type Settings } from './options.js';
import { Outbox, type Outgoing } from './outbox.js';
import { type RequestOptions } from './pending-request.js';
import { Requests } from './requests.js';

/**
 * A client that comes back. It is idle until `connect()`; what is sent before, or while there is no connection, waits in
 * the outbox.
 *
 * @param url - `wss://…`, `https://…`, or on a page a path such as `/chat`.
 * @throws {@link HoldfastError} `BAD_OPTION`, naming what is wrong and what is allowed.
 * @publicApi
 */
export function createClient<E extends EventMap = AnyEvents>(
  url: string | URL,
  options: ClientOptions = {},
): HoldfastClient<E> {
  return new HoldfastClient(resolveOptions(url, options));
}

/**
 * One client and its connections, one at a time. Made by {@link createClient}.
 *
 * @publicApi
 */
export class HoldfastClient<E extends EventMap = AnyEvents> {
  readonly #settings: Settings;
  readonly #emitter = new Emitter();
  readonly #outbox: Outbox;
  readonly #requests: Requests;
  readonly #driver: Driver;
  /** @internal */
  constructor(settings: Settings) {
    this.#settings = settings;
    this.#outbox = new Outbox(settings.outbox);
    this.#requests = new Requests(settings.ports.clock);
    this.#driver = new Driver(settings, this.#emitter, {
      opened: () => this.#flush(),
      left: () => this.#requests.lose(),
      finished: () => this.#finish(),
      received: (envelope) => this.#receive(envelope),
      present: (token) => this.#present(token),
    });
  }

  /** Where the client stands; `$state` tells of each change. */
  get state(): ConnectionState {
    return this.#driver.state;
  }

  /** What the server calls the present connection, in its logs too; undefined while there is none. */
  get connectionId(): string | undefined {
    return this.#driver.link?.welcome?.connectionId;
  }

  /** Messages and requests that wait for a connection. */
  get queuedMessages(): number {
    return this.#outbox.size;
  }

  /** Messages and requests that found no room, or waited in vain, so far. */
  get droppedMessages(): number {
    return this.#outbox.dropped;
  }

  /** Begins to connect; while waiting, at once instead of later. Otherwise without effect. Again possible after the end. */
  connect(): void {
    this.#driver.apply({ type: 'connect' });
  }

  /**
   * Ends the connection, all timers and listeners on the platform, and all requests (`CLOSED`); what waits is dropped.
   * Listeners of events stay.
   */
  close(): void {
    this.#driver.apply({ type: 'close' });
  }

  /**
   * Sends a message.
   *
   * @returns whether it was taken: sent, or kept for the next connection. False when there is no room, and after the end.
   * @throws {@link HoldfastError} `UNENCODABLE`, `PAYLOAD_TOO_LARGE`, or `MALFORMED_FRAME` for an impossible event name.
   */
  emit<K extends ClientEvent<E>>(event: K, ...[data]: DataOf<E, K>): boolean {
    return this.#submit(outgoing(event, data, this.#maxPayloadBytes)) === undefined;
  }

  /**
   * Sends a message and resolves with its answer.
   *
   * @throws (rejects with) {@link HoldfastError}: the code of the server's `$error`, `REQUEST_TIMEOUT`, `ABORTED`,
   * `CONNECTION_LOST`, `OUTBOX_FULL`, `CLOSED`, or what {@link emit} throws.
   */
  async request<K extends ClientEvent<E>>(event: K, ...args: RequestArguments<E, K>): Promise<ReplyOf<E, K>> {
    // Safe: the type of the arguments is for the caller; here values are only passed on.
    const [data, options = {}] = args as [unknown?, RequestOptions?];
    const timeoutMs = options.timeoutMs ?? this.#settings.requestTimeoutMs;
    if (!(timeoutMs >= 0)) throw new HoldfastError('BAD_OPTION', 'timeoutMs must be a number, 0 or more');
    const { id, request } = this.#requests.open(options, timeoutMs);
    try {
      if (!request.isSettled) {
        const message = outgoing(event, data, this.#maxPayloadBytes, id, request);
        request.withdraw = () => this.#outbox.remove(message);
        const error = this.#submit(message);
        if (error) request.fail(error);
      }
    } catch (error) {
      request.fail(error as HoldfastError);
    }
    // Safe: what a handler answers is the event map's promise.
    return (await request.promise) as ReplyOf<E, K>;
  }

  /** Calls `listener` for each event of that name, in order. Returns the end of it. */
  on<K extends keyof ClientEvents>(event: K, listener: Listener<ClientEvents[K]>): () => void;
  on<K extends ServerEvent<E>>(event: K, listener: Listener<E['server'][K]>): () => void;
  on(event: string, listener: (data: never, envelope?: Envelope) => void): () => void {
    // Safe: the overloads say what goes with which event.
    return this.#emitter.on(event, listener as Listener<unknown>);
  }

  /** Known while there is a connection. */
  get #maxPayloadBytes(): number {
    return this.#driver.link?.welcome?.limits.maxPayloadBytes ?? Infinity;
  }

  /** Sends now, keeps for later, or says why not. */
  #submit(message: Outgoing): HoldfastError | undefined {
    const { link, state } = this.#driver;
    if (state === 'closed' || state === 'failed') return closedError();
    if (!link?.isWritable) return this.#outbox.add(message) ? undefined : outboxFull();
    if (link.bufferedBytes + message.bytes > this.#settings.outbox.maxBytes) {
      this.#outbox.refused();
      return outboxFull();
    }
    this.#transmit(message);
    return undefined;
  }

  #transmit({ text, request }: Outgoing): void {
    if (request) request.isSent = true;
    this.#driver.link?.send(text);
  }

  #flush(): void {
    this.#outbox.flush((message) => {
      if (message.bytes <= this.#maxPayloadBytes) {
        this.#transmit(message);
        return;
      }
      // It was taken before anybody knew what the server takes.
      const error = tooLarge(message.bytes, this.#maxPayloadBytes);
      this.#outbox.refused();
      if (message.request) message.request.fail(error);
      else this.#emitter.emit('$error', error);
    });
  }

  #finish(): void {
    this.#outbox.clear();
    this.#requests.close();
  }

  #receive(envelope: Envelope): void {
    if (this.#requests.answer(envelope)) return;
    // Reserved events of a later server, and late answers to requests that were given up (PROTOCOL.md 6.7).
    if (!envelope.event.startsWith('$')) this.#emitter.emit(envelope.event, envelope.data, envelope);
  }

  async #present(token: string): Promise<void> {
    const { link } = this.#driver;
    const { id, request } = this.#requests.open({}, this.#settings.requestTimeoutMs);
    request.isSent = true;
    link?.send(JSON.stringify({ event: ReservedEvent.refresh, id, data: { token } }));
    await request.promise;
    if (link) link.token = token;
  }
}

type RequestArguments<E extends EventMap, K extends ClientEvent<E>> =
  DataOf<E, K> extends []
    ? [data?: undefined, options?: RequestOptions<ReplyOf<E, K>>]
    : [...data: DataOf<E, K>, options?: RequestOptions<ReplyOf<E, K>>];

function outboxFull(): HoldfastError {
  return new HoldfastError('OUTBOX_FULL', 'More is waiting to be sent than the outbox may hold');
}
