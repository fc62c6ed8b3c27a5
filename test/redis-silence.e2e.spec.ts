import type { BackplaneSink } from '@holdfast/backplane';
import { redisBackplane } from '@holdfast/redis/ioredis';
import { FaultProxy } from '@holdfast/testing';
import { Redis, type RedisOptions } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const history = { size: 100, ttlMs: 60_000 };
const item = (text: string): Uint8Array[] => [Buffer.from(text)];

/** Connects for commands and for subscriptions by ways of their own. */
class TwoWays extends Redis {
  readonly #ports: number[];

  constructor(commands: number, subscriptions: number) {
    super({ lazyConnect: true });
    this.#ports = [commands, subscriptions];
  }

  override duplicate(options: Partial<RedisOptions> = {}): Redis {
    return new Redis({ ...options, port: this.#ports.shift() ?? 0 });
  }
}

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

requires('redis-server', redisMissing)('subscriptions that bring nothing any more', () => {
  it(
    'are noticed, though both ends still believe in the connection, and are replaced',
    { timeout: 60_000 },
    async () => {
      await using server = await RedisServer.start();
      await using quiet = await FaultProxy.start(server.port);
      const node = redisBackplane({ client: new TwoWays(server.port, quiet.port), prefix: 'silence' });
      const other = redisBackplane({ client: new Redis({ port: server.port, lazyConnect: true }), prefix: 'silence' });
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
