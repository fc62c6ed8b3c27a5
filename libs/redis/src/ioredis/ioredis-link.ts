import type { Redis, RedisOptions } from 'ioredis';
import { type Argument, asBuffer, asLinkError, LinkError } from '../link.js';
import { inTime, quitMs, retryDelayMs } from '../link-timing.js';
import { type PubSub, shardedPubSub } from '../pub-sub.js';
import type { ServerLink, ServerListener } from '../server-link.js';
import { subscribeAgain } from '../subscribe-again.js';

/**
 * Closes the traps of ioredis: it would send commands again whose connection was lost, hold commands back until there
 * is a connection and run them seconds later, and wait for ever for one that a stopped server does not answer.
 */
const own: Partial<RedisOptions> = {
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResubscribe: false,
  lazyConnect: true,
  retryStrategy: retryDelayMs,
  // A primary that only stands still would be kept after Sentinel has replaced it, and would take writes that are lost.
  failoverDetector: true,
  // For ever, if a Sentinel stands still as well.
  sentinelCommandTimeout: 1_000,
  // A server that stands still does not end a connection that is to be replaced.
  disconnectTimeout: 100,
};

/** What of a connection for subscriptions depends on the kind of pub/sub. */
interface Subscriptions {
  readonly event: string;
  subscribe(connection: Redis, channels: readonly string[]): Promise<unknown>;
  unsubscribe(connection: Redis, channels: readonly string[]): Promise<unknown>;
}

const plain: Subscriptions = {
  event: 'messageBuffer',
  subscribe: (connection, channels) => connection.subscribe(...channels),
  unsubscribe: (connection, channels) => connection.unsubscribe(...channels),
};

const sharded: Subscriptions = {
  event: 'smessageBuffer',
  subscribe: (connection, channels) => connection.ssubscribe(...channels),
  unsubscribe: (connection, channels) => connection.sunsubscribe(...channels),
};

/** One server, or the primary that Sentinel knows, by ioredis. */
export class IoredisLink implements ServerLink {
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  readonly #channels = new Set<string>();
  readonly #pubSub: PubSub;
  readonly #subscriptions: Subscriptions;
  #listener: ServerListener | undefined;
  #isUp = false;
  #lastError: Error | undefined;

  /** @param address - of the server, where it is not that of the client */
  constructor(client: Redis, pubSub: PubSub, address: Partial<RedisOptions> = {}) {
    this.#pubSub = pubSub;
    this.#subscriptions = pubSub === shardedPubSub ? sharded : plain;
    this.#commands = client.duplicate({ ...own, ...address });
    this.#subscriber = client.duplicate({ ...own, ...address });
    // Each is told to whoever has called; without a listener ioredis would write them to the console.
    for (const connection of [this.#commands, this.#subscriber]) {
      connection.on('error', (error) => (this.#lastError = error));
    }
  }

  async open(listener: ServerListener, deadlineMs: number): Promise<void> {
    this.#listener = listener;
    const subscriber = this.#subscriber;
    subscriber.on(this.#subscriptions.event, (channel: Buffer, payload: Buffer) => {
      listener.message(channel.toString(), payload);
    });
    const connect = (): Promise<unknown> => Promise.all([this.#commands.connect(), subscriber.connect()]);
    try {
      await inTime('connect', deadlineMs, false, connect);
    } catch (error) {
      // The library tells by an event why an attempt has failed.
      throw fromIoredis(this.#lastError ?? error, false);
    }
    this.#isUp = true;
    subscriber.on('close', () => this.#wentDown());
    subscriber.on('ready', () => void this.#resubscribe());
    subscriber.on('moved', () => this.#listener?.moved());
  }

  command(name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    // ioredis takes Buffers, and would turn other arrays of bytes into text.
    const values = args.map((value) => (value instanceof Uint8Array ? asBuffer(value) : value));
    return this.#inTime(this.#commands, name, deadlineMs, () => this.#commands.callBuffer(name, ...values));
  }

  async subscribe(channels: readonly string[], deadlineMs: number): Promise<void> {
    for (const channel of channels) this.#channels.add(channel);
    try {
      await Promise.all(this.#pubSub.groups(channels).map((some) => this.#subscribe(some, deadlineMs)));
    } catch (error) {
      this.unsubscribe(channels);
      throw error;
    }
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.#channels.delete(channel);
    for (const some of this.#pubSub.groups(channels)) {
      // Without a connection there is nothing to unsubscribe from.
      this.#subscriptions.unsubscribe(this.#subscriber, some).catch(() => undefined);
    }
  }

  reconnect(): void {
    this.#subscriber.disconnect(true);
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    // Until the server has closed the subscriptions, others would take this node for one that can be reached.
    if (this.#subscriber.status === 'ready') {
      await this.#inTime(this.#subscriber, 'QUIT', quitMs, () => this.#subscriber.callBuffer('QUIT')).catch(
        () => undefined,
      );
    }
    this.#commands.disconnect();
    this.#subscriber.disconnect();
  }

  #subscribe(channels: readonly string[], deadlineMs: number): Promise<unknown> {
    const [connection, subscriptions] = [this.#subscriber, this.#subscriptions];
    return this.#inTime(connection, this.#pubSub.subscribe, deadlineMs, () =>
      subscriptions.subscribe(connection, channels),
    );
  }

  #inTime(connection: Redis, name: string, deadlineMs: number, call: () => Promise<unknown>): Promise<unknown> {
    const wasReady = connection.status === 'ready';
    return inTime(name, deadlineMs, wasReady, async () => {
      try {
        return await call();
      } catch (error) {
        throw fromIoredis(error, wasReady);
      }
    });
  }

  #wentDown(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#listener?.down(new LinkError('away', false, 'The connection for subscriptions was lost'));
  }

  async #resubscribe(): Promise<void> {
    try {
      await subscribeAgain({
        ...{ pubSub: this.#pubSub, channels: this.#channels },
        subscribe: (channels) =>
          this.#subscriptions.subscribe(this.#subscriber, channels).catch((error: unknown) => {
            throw fromIoredis(error, true);
          }),
        moved: () => this.#listener?.moved(),
      });
    } catch {
      // The connection was lost again: there is another `ready`.
      return;
    }
    this.#isUp = true;
    this.#listener?.up();
  }
}

/** What has become of a command. */
export function fromIoredis(error: unknown, wasSent: boolean): LinkError {
  return asLinkError(error, wasSent, ({ name }) => name === 'ReplyError');
}
