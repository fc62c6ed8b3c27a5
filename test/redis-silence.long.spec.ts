import type { BackplaneSink } from '@holdfast/backplane';
import type { RedisBackplane } from '@holdfast/redis';
import { redisBackplane as byIoredis } from '@holdfast/redis/ioredis';
import { redisBackplane as byNodeRedis } from '@holdfast/redis/node-redis';
import { FaultProxy } from '@holdfast/testing';
import { Redis, type RedisOptions } from 'ioredis';
import { createClient } from 'redis';
import { expect, it, vi } from 'vitest';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const history = { size: 100, ttlMs: 60_000 };
const item = (text: string): Uint8Array[] => [Buffer.from(text)];

/** An engine that connects for commands by one port, and for subscriptions by another. */
type TwoWays = (commands: number, subscriptions: number) => RedisBackplane;

const prefix = 'silence';

const ioredis: TwoWays = (commands, subscriptions) => {
  const ports = [commands, subscriptions];
  const duplicate = (options: Partial<RedisOptions> = {}): Redis => new Redis({ ...options, port: ports.shift() ?? 0 });
  return byIoredis({ client: Object.assign(new Redis({ lazyConnect: true }), { duplicate }), prefix });
};

const nodeRedis: TwoWays = (commands, subscriptions) => {
  const ports = [commands];
  const duplicate = ({ socket, ...options }: { socket?: object } = {}) =>
    createClient({ ...options, socket: { ...socket, port: ports.shift() ?? subscriptions } });
  return byNodeRedis({ client: Object.assign(createClient(), { duplicate }), prefix });
};

const libraries = [
  ['ioredis', ioredis],
  ['node-redis', nodeRedis],
] as const;

class Notes implements BackplaneSink {
  readonly all: string[] = [];

  publication({ item: heard }: { item: Uint8Array }): void {
    this.all.push(Buffer.from(heard).toString());
  }
  command(): void {
    this.all.push('command');
  }
  interrupted(): void {
    this.all.push('interrupted');
  }
  resumed(): void {
    this.all.push('resumed');
  }
}

requires('redis-server', redisMissing)('subscriptions whose connection is silent', () => {
  it.each(libraries)('are waited for by a watch: %s', async (_, connect) => {
    await using server = await RedisServer.start();
    await using quiet = await FaultProxy.start(server.port);
    const node = connect(server.port, quiet.port);
    const notes = new Notes();
    await node.start('node', notes);
    try {
      quiet.pause();
      let isWatching = false;
      const watching = node.watch(['room']).then(() => (isWatching = true));
      // By the other connection, which would be faster than the subscription.
      await node.publish('room', item('before'), { history });
      expect(isWatching).toBe(false);
      quiet.resume();
      await watching;
      await node.publish('room', item('after'), { history });
      await vi.waitFor(() => expect(notes.all).toContain('after'), 5_000);
    } finally {
      await node.close();
    }
  });

  it.each(libraries)(
    'are noticed and replaced, though both ends believe in them: %s',
    { timeout: 60_000 },
    async (_, connect) => {
      await using server = await RedisServer.start();
      await using quiet = await FaultProxy.start(server.port);
      const node = connect(server.port, quiet.port);
      const other = connect(server.port, server.port);
      const notes = new Notes();
      await node.start('node', notes);
      await other.start('other', new Notes());
      try {
        await node.watch(['room']);
        await other.publish('room', item('heard'), { history });
        await vi.waitFor(() => expect(notes.all).toEqual(['heard']), 5_000);
        quiet.pause();
        await other.publish('room', item('lost'), { history });
        await vi.waitFor(() => expect(notes.all).toEqual(['heard', 'interrupted']), 20_000);
        quiet.resume();
        await vi.waitFor(() => expect(notes.all.at(-1)).toBe('resumed'), 20_000);
        await other.publish('room', item('heard again'), { history });
        await vi.waitFor(() => expect(notes.all.at(-1)).toBe('heard again'), 5_000);
        expect(notes.all).not.toContain('command');
      } finally {
        await Promise.all([node.close(), other.close()]);
      }
    },
  );
});
