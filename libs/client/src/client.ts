import type { Envelope } from '@holdfast/protocol';
import { Driver } from './driver.js';
import { aborted, type HoldfastError } from './errors.js';
import type {
  AnyEvents,
  ClientEvent,
  ClientEvents,
  DataOf,
  EventMap,
  Listener,
  ReplyOf,
  ServerEvent,
} from './events.js';
import { outgoing } from './frame.js';
import { type ConnectionState, isFinal, lossBy } from './state.js';
import { amount, type ClientOptions, resolveOptions, type Settings } from './options.js';
import type { Outgoing } from './outbox.js';
import type { RequestOptions } from './pending-request.js';

/**
 * A reconnecting client. It is idle until `connect()`; what is sent before, or while there is no connection, waits
 * in the outbox.
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
  readonly #driver: Driver;

  /** @internal */
  constructor(settings: Settings) {
    this.#settings = settings;
    this.#driver = new Driver(settings);
  }

  /** Where the client stands; `$state` tells of each change. */
  get state(): ConnectionState {
    return this.#driver.machine.state;
  }

  /** What the server calls the present connection, in its logs too; undefined while there is none. */
  get connectionId(): string | undefined {
    return this.#driver.link?.welcome?.connectionId;
  }

  /** Messages and requests that wait for a connection. */
  get queuedMessages(): number {
    return this.#driver.outbox.size;
  }

  /** Messages and requests that were dropped so far: there was no room for them, or they waited too long. */
  get droppedMessages(): number {
    return this.#driver.outbox.dropped;
  }

  /**
   * Begins to connect; while waiting, at once instead of later, unless the server has named a time for it (PROTOCOL.md
   * 10.2), and from the second return on no sooner than `firstMs` after the loss. Otherwise without effect. Again
   * possible after the end.
   */
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
   * @returns whether it was taken: sent, or kept for the next connection. False when there is no room, and after the
   *   end.
   * @throws {@link HoldfastError} `UNENCODABLE`, `PAYLOAD_TOO_LARGE`, or `MALFORMED_FRAME` for an impossible event
   *   name.
   */
  emit<K extends ClientEvent<E>>(event: K, ...[data]: DataOf<E, K>): boolean {
    const error = this.#submit(outgoing(event, data));
    if (error?.code === 'PAYLOAD_TOO_LARGE') throw error;
    return !error;
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
    const timeoutMs = amount('timeoutMs', options.timeoutMs ?? this.#settings.requestTimeoutMs);
    if (options.signal?.aborted) throw aborted(options.signal);
    const { outbox, requests } = this.#driver;
    const id = requests.nextId();
    const message = outgoing(event, data, id);
    message.request = requests.open(id, options, timeoutMs, () => outbox.remove(message));
    const error = this.#submit(message);
    if (error) message.request.fail(error);
    // Safe: what a handler answers is the event map's promise.
    return (await message.request.promise) as ReplyOf<E, K>;
  }

  /** Calls `listener` for each event of that name, in order. Returns the end of it. */
  on<K extends keyof ClientEvents>(event: K, listener: Listener<ClientEvents[K]>): () => void;
  on<K extends ServerEvent<E>>(event: K, listener: Listener<E['server'][K]>): () => void;
  on(event: string, listener: (data: never, envelope?: Envelope) => void): () => void {
    // Safe: the overloads say what goes with which event.
    return this.#driver.emitter.on(event, listener as Listener<unknown>);
  }

  /** Sends now, keeps for later, or says why not. */
  #submit(message: Outgoing): HoldfastError | undefined {
    const { link, machine, outbox } = this.#driver;
    if (machine.change && isFinal(machine.state)) return lossBy(machine.change);
    if (!link?.isWritable) return outbox.add(message);
    if (link.bufferedAmount + message.bytes > this.#settings.outbox.maxBytes) return outbox.refuse();
    return link.send(message);
  }
}

type RequestArguments<E extends EventMap, K extends ClientEvent<E>> =
  DataOf<E, K> extends []
    ? [data?: undefined, options?: RequestOptions<ReplyOf<E, K>>]
    : [...data: DataOf<E, K>, options?: RequestOptions<ReplyOf<E, K>>];
