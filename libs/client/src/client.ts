import type { Envelope } from '@holdfast/protocol';
import { Driver } from './driver.js';
import { aborted, HoldfastError } from './errors.js';
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
import { type ConnectionState, isFinal, lossBy, type StateChange } from './state.js';
import { amount, type ClientOptions, noOption, resolveOptions, type Settings } from './options.js';
import type { Outgoing } from './outbox.js';
import type { RequestOptions } from './pending-request.js';
import type { RoomsModule } from './rooms-port.js';
import type { RoomsApi } from './rooms/rooms-api.js';

/**
 * Makes a reconnecting client. It is idle until `connect()`; messages sent before that, or while there is no
 * connection, are queued in the outbox.
 *
 * @param url - `wss://…`, `https://…`, or on a page a path such as `/chat`.
 * @throws {@link HoldfastError} `BAD_OPTION` for an invalid or unknown option, which the message names.
 * @publicApi
 */
export function createClient<E extends EventMap = AnyEvents>(
  url: string | URL,
  options: ClientOptions & { rooms: RoomsModule },
): HoldfastClient<E> & RoomsApi;
/** @publicApi */
export function createClient<E extends EventMap = AnyEvents>(
  url: string | URL,
  options?: ClientOptions,
): HoldfastClient<E>;
export function createClient<E extends EventMap = AnyEvents>(
  url: string | URL,
  options: ClientOptions = {},
): HoldfastClient<E> {
  return new HoldfastClient(resolveOptions(url, options));
}

/**
 * A client with one connection at a time. Made by {@link createClient}.
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
    const { rooms } = this.#driver;
    if (rooms) Object.defineProperties(this, Object.getOwnPropertyDescriptors(rooms.api));
  }

  /** The present state; the event `$state` reports each change. */
  get state(): ConnectionState {
    return this.#driver.machine.state;
  }

  /** The id of the connection, as in the logs of the server; undefined while there is no connection. */
  get connectionId(): string | undefined {
    return this.#driver.link?.welcome?.connectionId;
  }

  /** Messages and requests in the outbox. */
  get queuedMessages(): number {
    return this.#driver.outbox.size;
  }

  /** Messages and requests dropped so far, because the outbox was full or the client was closed. */
  get droppedMessages(): number {
    return this.#driver.outbox.dropped;
  }

  /**
   * Connects. While `waiting`, brings the next attempt forward, but not before the time that the server named
   * (PROTOCOL.md 10.2) and, from the second attempt on, not before `firstMs` after the loss. After `closed` or
   * `failed`, starts over. No effect while `connecting` or `open`.
   */
  connect(): void {
    this.#driver.apply({ type: 'connect' });
  }

  /**
   * Closes the connection, stops all timers and listeners on the platform, rejects all requests (`CLOSED`) and drops
   * queued messages. Listeners of events stay.
   */
  close(): void {
    this.#driver.apply({ type: 'close' });
  }

  /**
   * Sends a message.
   *
   * @returns whether it was sent or queued for the next connection. False when the outbox is full, and when the client
   *   is `closed` or `failed`.
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
    const { timeoutMs: givenMs, signal, onNext: _, ...others } = options;
    noOption(Object.keys(others)[0]);
    const timeoutMs = amount('timeoutMs', givenMs ?? this.#settings.requestTimeoutMs);
    if (signal?.aborted) throw aborted(signal);
    const { outbox, requests } = this.#driver;
    const id = requests.nextId();
    const message = outgoing(event, data, id);
    message.request = requests.open(id, options, timeoutMs, () => outbox.remove(message));
    const error = this.#submit(message);
    if (error) message.request.fail(error);
    // Safe: what a handler answers is the event map's promise.
    return (await message.request.promise) as ReplyOf<E, K>;
  }

  /**
   * Calls `callback` after each `$welcome`, also of reconnects, and at once when the client is `open`: the place to
   * subscribe, because what is sent here goes out before messages that wait in the outbox. A HoldfastError with which
   * it rejects is told as `$error`: when the connection was lost meanwhile, the next welcome calls again. Any other
   * error is reported as an unhandled rejection. Returns a function that ends it.
   */
  onWelcome(callback: () => unknown): () => void {
    const run = async (): Promise<void> => {
      try {
        await callback();
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        this.#driver.emitter.emit('$error', error);
      }
    };
    if (this.state === 'open') void run();
    return this.#driver.emitter.on('$state', (change) => {
      // Safe: `$state` has no other data.
      if ((change as StateChange).to === 'open') void run();
    });
  }

  /** Calls `listener` for each event of that name, in order. Returns a function that removes it. */
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
