import { type Argument, asBuffer, LinkError, type LinkListener, type RedisLink } from '../link.js';
import { inTime, quitMs, retryDelayMs } from '../link-timing.js';

/** What is used of a client that `createClient` of node-redis has made. @publicApi */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  readonly options?: { readonly socket?: object } | undefined;
  duplicate(overrides?: object): NodeRedisClient;
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: string, listener: (error: Error) => void): unknown;
  sendCommand(args: (string | Buffer)[], options?: object): Promise<unknown>;
  subscribe(channels: string[], listener: (message: Buffer, channel: Buffer) => void, bufferMode: true): Promise<void>;
  unsubscribe(
    channels: string[],
    listener: (message: Buffer, channel: Buffer) => void,
    bufferMode: true,
  ): Promise<void>;
}

/** Strings of any kind as Buffers, by the bytes that stand for them in RESP. */
const typeMapping = { 36: Buffer, 43: Buffer, 61: Buffer };

/** By name: the library is the application's, and there may be two copies of it. */
const replyErrors = new Set(['ErrorReply', 'SimpleError', 'BlobError']);

/**
 * The port on node-redis, which subscribes to all channels again before it is `ready`. Closes its trap: it would hold
 * commands back until there is a connection, and run them seconds later.
 */
export class NodeRedisLink implements RedisLink {
  readonly #commands: NodeRedisClient;
  #subscriber: NodeRedisClient;
  readonly #channels = new Set<string>();
  #listener: LinkListener | undefined;
  #isUp = false;
  #lastError: Error | undefined;

  constructor(private readonly client: NodeRedisClient) {
    this.#commands = this.#duplicate();
    this.#subscriber = this.#duplicate();
  }

  async open(listener: LinkListener, deadlineMs: number): Promise<void> {
    this.#listener = listener;
    const connect = (): Promise<unknown> => Promise.all([this.#commands.connect(), this.#subscriber.connect()]);
    try {
      await inTime('connect', deadlineMs, false, connect);
    } catch (error) {
      // The library tries again for ever, and tells by an event why an attempt has failed.
      throw asLinkError(this.#lastError ?? error, false);
    }
    this.#isUp = true;
    this.#observe(this.#subscriber);
  }

  command(name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    const connection = this.#commands;
    const values = args.map((value) => (value instanceof Uint8Array ? asBuffer(value) : String(value)));
    const wasReady = connection.isReady;
    return inTime(name, deadlineMs, wasReady, () =>
      connection.sendCommand([name, ...values], { typeMapping }).catch((error: unknown) => {
        throw asLinkError(error, wasReady);
      }),
    );
  }

  async subscribe(channels: readonly string[], deadlineMs: number): Promise<void> {
    const connection = this.#subscriber;
    if (!connection.isReady) throw new LinkError('away', false, 'There is no connection for subscriptions');
    for (const channel of channels) this.#channels.add(channel);
    try {
      await inTime('SUBSCRIBE', deadlineMs, true, () =>
        connection.subscribe([...channels], this.#received, true).catch((error: unknown) => {
          throw asLinkError(error, true);
        }),
      );
    } catch (error) {
      this.unsubscribe(channels);
      throw error;
    }
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.#channels.delete(channel);
    // Without a connection there is nothing to unsubscribe from.
    this.#subscriber.unsubscribe([...channels], this.#received, true).catch(() => undefined);
  }

  reconnect(): void {
    const old = this.#subscriber;
    this.#wentDown();
    if (old.isOpen) old.destroy();
    const next = (this.#subscriber = this.#duplicate());
    next
      .connect()
      .then(() => next.subscribe([...this.#channels], this.#received, true))
      .then(
        () => {
          this.#observe(next);
          this.#wentUp();
        },
        // Another attempt follows, as nothing comes from this one either.
        () => next.isOpen && next.destroy(),
      );
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    // Until the server has closed the subscriptions, others would take this node for one that can be reached.
    const quit = async (): Promise<unknown> => await this.#subscriber.sendCommand(['QUIT']);
    if (this.#subscriber.isReady) await inTime('QUIT', quitMs, true, quit).catch(() => undefined);
    for (const connection of [this.#commands, this.#subscriber]) if (connection.isOpen) connection.destroy();
  }

  readonly #received = (message: Buffer, channel: Buffer): void => {
    this.#listener?.message(channel.toString(), message);
  };

  #duplicate(): NodeRedisClient {
    const connection = this.client.duplicate({
      disableOfflineQueue: true,
      socket: { ...this.client.options?.socket, reconnectStrategy: retryDelayMs },
    });
    // Each is told to whoever has called; without a listener it would end the process.
    connection.on('error', (error) => (this.#lastError = error));
    return connection;
  }

  #observe(connection: NodeRedisClient): void {
    const isCurrent = (): boolean => connection === this.#subscriber;
    connection.on('error', () => isCurrent() && this.#wentDown());
    connection.on('reconnecting', () => isCurrent() && this.#wentDown());
    connection.on('ready', () => isCurrent() && this.#wentUp());
  }

  #wentDown(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#listener?.down(new LinkError('away', false, 'The connection for subscriptions was lost'));
  }

  #wentUp(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#listener?.up();
  }
}

function asLinkError(error: unknown, wasSent: boolean): LinkError {
  if (error instanceof LinkError) return error;
  const { message, constructor } = error instanceof Error ? error : new Error(String(error));
  if (replyErrors.has(constructor.name)) return new LinkError('reply', true, message, { cause: error });
  const isOffline = constructor.name === 'ClientOfflineError';
  return new LinkError('away', wasSent && !isOffline, `Redis cannot be reached: ${message}`, { cause: error });
}
