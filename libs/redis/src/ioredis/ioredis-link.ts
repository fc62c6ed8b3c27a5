import type { Redis, RedisOptions } from 'ioredis';
import { chunks } from '../chunks.js';
import { type Argument, asBuffer, LinkError, type LinkListener, type RedisLink } from '../link.js';
import { inTime, quitMs, retryDelayMs } from '../link-timing.js';

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

/** Channels of one command. */
const mostChannels = 512;

/** The port on ioredis. */
export class IoredisLink implements RedisLink {
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  readonly #channels = new Set<string>();
  #listener: LinkListener | undefined;
  #isUp = false;
  #lastError: Error | undefined;

  constructor(client: Redis) {
    this.#commands = client.duplicate(own);
    this.#subscriber = client.duplicate(own);
    // Each is told to whoever has called; without a listener ioredis would write them to the console.
    for (const connection of [this.#commands, this.#subscriber]) {
      connection.on('error', (error) => (this.#lastError = error));
    }
  }

  async open(listener: LinkListener, deadlineMs: number): Promise<void> {
    this.#listener = listener;
    const subscriber = this.#subscriber;
    subscriber.on('messageBuffer', (channel: Buffer, payload: Buffer) => {
      listener.message(channel.toString(), payload);
    });
    const connect = (): Promise<unknown> => Promise.all([this.#commands.connect(), subscriber.connect()]);
    try {
      await inTime('connect', deadlineMs, false, connect);
    } catch (error) {
      // The library tells by an event why an attempt has failed.
      throw asLinkError(this.#lastError ?? error, false);
    }
    this.#isUp = true;
    subscriber.on('close', () => this.#wentDown());
    subscriber.on('ready', () => void this.#resubscribe());
  }

  command(name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    return this.#inTime(this.#commands, name, args, deadlineMs);
  }

  async subscribe(channels: readonly string[], deadlineMs: number): Promise<void> {
    for (const channel of channels) this.#channels.add(channel);
    try {
      await this.#inTime(this.#subscriber, 'SUBSCRIBE', channels, deadlineMs);
    } catch (error) {
      for (const channel of channels) this.#channels.delete(channel);
      throw error;
    }
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.#channels.delete(channel);
    // Without a connection there is nothing to unsubscribe from.
    this.#subscriber.unsubscribe(...channels).catch(() => undefined);
  }

  reconnect(): void {
    this.#subscriber.disconnect(true);
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    // Until the server has closed the subscriptions, others would take this node for one that can be reached.
    if (this.#subscriber.status === 'ready') {
      await this.#inTime(this.#subscriber, 'QUIT', [], quitMs).catch(() => undefined);
    }
    this.#commands.disconnect();
    this.#subscriber.disconnect();
  }

  #inTime(connection: Redis, name: string, args: readonly Argument[], deadlineMs: number): Promise<unknown> {
    const wasReady = connection.status === 'ready';
    // ioredis takes Buffers, and would turn other arrays of bytes into text.
    const values = args.map((value) => (value instanceof Uint8Array ? asBuffer(value) : value));
    return inTime(name, deadlineMs, wasReady, async () => {
      try {
        return await (name === 'SUBSCRIBE'
          ? connection.subscribe(...values.map(String))
          : connection.callBuffer(name, ...values));
      } catch (error) {
        throw asLinkError(error, wasReady);
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
      for (const channels of chunks([...this.#channels], mostChannels)) await this.#subscriber.subscribe(...channels);
      this.#isUp = true;
      this.#listener?.up();
    } catch {
      // The connection was lost again: there is another `ready`.
    }
  }
}

function asLinkError(error: unknown, wasSent: boolean): LinkError {
  if (error instanceof LinkError) return error;
  const { message, name } = error instanceof Error ? error : new Error(String(error));
  if (name === 'ReplyError') return new LinkError('reply', true, message, { cause: error });
  return new LinkError('away', wasSent, `Redis cannot be reached: ${message}`, { cause: error });
}
