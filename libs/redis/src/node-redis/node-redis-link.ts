import { type Argument, asBuffer, asLinkError, LinkError } from '../link.js';
import { inTime, quitMs } from '../link-timing.js';
import { type PubSub, shardedPubSub } from '../pub-sub.js';
import type { ServerLink, ServerListener } from '../server-link.js';
import { subscribeAgain } from '../subscribe-again.js';
import type { NodeRedisClient, NodeRedisMessageListener, NodeRedisServer } from './node-redis-client.js';
import { NodeRedisConnection } from './node-redis-connection.js';

/** Strings of any kind as Buffers, by the bytes that stand for them in RESP. */
const typeMapping = { 36: Buffer, 43: Buffer, 61: Buffer };

/** By name: the library is the application's, and there may be two copies of it. */
const replyErrors = new Set(['ErrorReply', 'SimpleError', 'BlobError']);

/** What of a connection for subscriptions depends on the kind of pub/sub. */
interface Subscriptions {
  subscribe(client: NodeRedisClient, channels: string[], listener: NodeRedisMessageListener): Promise<void>;
  unsubscribe(client: NodeRedisClient, channels: string[], listener: NodeRedisMessageListener): Promise<void>;
}

const plain: Subscriptions = {
  subscribe: (client, channels, listener) => client.subscribe(channels, listener, true),
  unsubscribe: (client, channels, listener) => client.unsubscribe(channels, listener, true),
};

const sharded: Subscriptions = {
  subscribe: (client, channels, listener) => client.sSubscribe(channels, listener, true),
  unsubscribe: (client, channels, listener) => client.sUnsubscribe(channels, listener, true),
};

/** One server, or the primary that Sentinel knows, by node-redis. */
export class NodeRedisLink implements ServerLink {
  readonly #server: NodeRedisServer;
  readonly #pubSub: PubSub;
  readonly #subscriptions: Subscriptions;
  readonly #commands: NodeRedisConnection;
  readonly #subscriber: NodeRedisConnection;
  readonly #channels = new Set<string>();
  #listener: ServerListener | undefined;

  constructor(server: NodeRedisServer, pubSub: PubSub) {
    this.#server = server;
    this.#pubSub = pubSub;
    this.#subscriptions = pubSub === shardedPubSub ? sharded : plain;
    this.#commands = new NodeRedisConnection({
      ...{ server, prepare: () => Promise.resolve(), up: () => undefined, down: () => undefined },
    });
    this.#subscriber = new NodeRedisConnection({
      server,
      prepare: (client) => this.#subscribeAgain(client),
      up: () => this.#listener?.up(),
      down: () => this.#listener?.down(new LinkError('away', false, 'The connection for subscriptions was lost')),
    });
  }

  async open(listener: ServerListener, deadlineMs: number): Promise<void> {
    const connections = [this.#commands, this.#subscriber];
    try {
      await inTime('connect', deadlineMs, false, () => Promise.all(connections.map((each) => each.open())));
    } catch (error) {
      throw fromNodeRedis(this.#commands.lastError ?? this.#subscriber.lastError ?? error, false);
    }
    this.#listener = listener;
    this.#server.watch(() => {
      for (const connection of connections) connection.renew();
    });
  }

  command(name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    const values = args.map((value) => (value instanceof Uint8Array ? asBuffer(value) : String(value)));
    return this.#inTime(this.#commands, name, deadlineMs, (client) =>
      client.sendCommand([name, ...values], { typeMapping }),
    );
  }

  async subscribe(channels: readonly string[], deadlineMs: number): Promise<void> {
    for (const channel of channels) this.#channels.add(channel);
    try {
      await Promise.all(
        this.#pubSub
          .groups(channels)
          .map((some) =>
            this.#inTime(this.#subscriber, this.#pubSub.subscribe, deadlineMs, (client) =>
              this.#subscriptions.subscribe(client, some, this.#received),
            ),
          ),
      );
    } catch (error) {
      this.unsubscribe(channels);
      throw error;
    }
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.#channels.delete(channel);
    const { client } = this.#subscriber;
    // Without a connection there is nothing to unsubscribe from.
    if (!client) return;
    for (const some of this.#pubSub.groups(channels)) {
      this.#subscriptions.unsubscribe(client, some, this.#received).catch(() => undefined);
    }
  }

  reconnect(): void {
    this.#subscriber.renew();
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    const { client } = this.#subscriber;
    // Until the server has closed the subscriptions, others would take this node for one that can be reached.
    if (client) await inTime('QUIT', quitMs, true, () => client.sendCommand(['QUIT'])).catch(() => undefined);
    for (const connection of [this.#commands, this.#subscriber]) connection.close();
    this.#server.close();
  }

  readonly #received = (message: Buffer, channel: Buffer): void => {
    this.#listener?.message(channel.toString(), message);
  };

  #inTime<T>(
    connection: NodeRedisConnection,
    name: string,
    deadlineMs: number,
    call: (client: NodeRedisClient) => Promise<T>,
  ): Promise<T> {
    const { client } = connection;
    if (!client) return Promise.reject(fromNodeRedis(connection.lastError ?? new Error('not connected'), false));
    return inTime(name, deadlineMs, true, () =>
      call(client).catch((error: unknown) => {
        throw fromNodeRedis(error, true);
      }),
    );
  }

  async #subscribeAgain(client: NodeRedisClient): Promise<void> {
    const moved = (): void => this.#listener?.moved();
    client.on('sharded-channel-moved', moved);
    await subscribeAgain({
      ...{ pubSub: this.#pubSub, channels: this.#channels, moved },
      subscribe: (channels) =>
        this.#subscriptions.subscribe(client, channels, this.#received).catch((error: unknown) => {
          throw fromNodeRedis(error, true);
        }),
    });
  }
}

/** What has become of a command. */
export function fromNodeRedis(error: unknown, wasSent: boolean): LinkError {
  const isOffline = error instanceof Error && error.constructor.name === 'ClientOfflineError';
  return asLinkError(error, wasSent && !isOffline, (cause) => replyErrors.has(cause.constructor.name));
}
