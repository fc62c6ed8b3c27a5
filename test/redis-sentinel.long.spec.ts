import type { Backplane, Position } from '@holdfast/backplane';
import { redisBackplane as byIoredis } from '@holdfast/redis/ioredis';
import { redisBackplane as byNodeRedis } from '@holdfast/redis/node-redis';
import { Redis } from 'ioredis';
import { createSentinel } from 'redis';
import { describe, expect, it, vi } from 'vitest';
import { BackplaneNotes, countTo, history, page, Publisher, textsAfter } from './support/backplane-notes.js';
import { RedisSentinel } from './support/redis-sentinel.js';
import { redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const host = '127.0.0.1';
const room = 'room';

const libraries: [string, (sentinel: RedisSentinel) => Backplane][] = [
  [
    'ioredis',
    ({ port, name }) =>
      byIoredis({ client: new Redis({ sentinels: [{ host, port }], name, lazyConnect: true }), prefix: 'sentinel' }),
  ],
  [
    'node-redis',
    ({ port, name }) =>
      byNodeRedis({ client: createSentinel({ name, sentinelRootNodes: [{ host, port }] }), prefix: 'sentinel' }),
  ],
];

/** Two nodes: one publishes, the other watches. */
class Pair implements AsyncDisposable {
  readonly notes = new BackplaneNotes();
  readonly publisher: Publisher;

  private constructor(
    readonly writer: Backplane,
    readonly watcher: Backplane,
  ) {
    this.publisher = new Publisher(writer, room);
  }

  static async start(connect: () => Backplane): Promise<Pair> {
    const pair = new Pair(connect(), connect());
    await pair.writer.start('writer', new BackplaneNotes());
    await pair.watcher.start('watcher', pair.notes);
    await pair.watcher.watch([room]);
    return pair;
  }

  /** After a failover: the watcher is told that it hears everything again. Then it does, in order. */
  async goesOn(): Promise<void> {
    await vi.waitFor(() => expect(this.notes.notices.at(-1)).toBe('resumed'), 20_000);
    const texts = countTo(20, 'again');
    await this.publisher.publishAll(texts);
    await vi.waitFor(() => expect(this.notes.heardIn(room)).toContain('again 20'), 10_000);
    expect(this.notes.heardIn(room).slice(-20)).toEqual(texts);
  }

  /** What was stored is there once and in order, and what was refused is not there. */
  async expectLog(since: Position): Promise<void> {
    const { stored, refused, unknown } = this.publisher;
    const log = await textsAfter(this.watcher, room, since);
    expect(log.filter((text) => !unknown.includes(text))).toEqual(stored.map(({ text }) => text));
    expect(log.filter((text) => refused.includes(text))).toEqual([]);
    expect(new Set(log).size).toBe(log.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.writer.close(), this.watcher.close()]);
  }
}

requires('redis-server', redisMissing)('the engine on a primary that Sentinel watches', () => {
  describe.each(libraries)('by %s', (_, connect) => {
    it('boots on the primary', async () => {
      await using sentinel = await RedisSentinel.start();
      const node = connect(sentinel);
      await node.start('node', new BackplaneNotes());
      try {
        expect(node.durability.kind).toBe('memory');
        await expect(node.send('node', Buffer.from('command'))).resolves.toBe(1);
      } finally {
        await node.close();
      }
    });

    it(
      'goes on after the primary was killed, and loses nothing that the replica had',
      { timeout: 60_000 },
      async () => {
        await using sentinel = await RedisSentinel.start();
        await using pair = await Pair.start(() => connect(sentinel));
        const { publisher } = pair;
        const [first] = await publisher.publishAll(countTo(10, 'before'));
        const start = { epoch: first?.epoch ?? '', offset: 0 };
        await sentinel.synchronized();
        await sentinel.primary.kill();
        const after = await publisher.publishAgain('meanwhile');
        expect(after.epoch).not.toBe(start.epoch);
        await pair.goesOn();
        expect(pair.notes.notices).toContain('interrupted');
        await pair.expectLog(start);
      },
    );

    it('leaves a primary that stands still, and does not come back to it', { timeout: 60_000 }, async () => {
      await using sentinel = await RedisSentinel.start();
      await using pair = await Pair.start(() => connect(sentinel));
      const { publisher } = pair;
      const [first] = await publisher.publishAll(countTo(10, 'before'));
      const start = { epoch: first?.epoch ?? '', offset: 0 };
      await sentinel.synchronized();
      sentinel.primary.stop();
      try {
        const after = await publisher.publishAgain('meanwhile');
        expect(after.epoch).not.toBe(start.epoch);
        await pair.goesOn();
      } finally {
        sentinel.primary.goOn();
      }
      await publisher.publishAll(countTo(20, 'both'));
      // Until Sentinel has made it a replica it would take writes.
      await vi.waitFor(async () => expect(await sentinel.primary.admin.info('replication')).toContain('role:slave'), {
        timeout: 30_000,
        interval: 100,
      });
      await publisher.publishAll(countTo(20, 'demoted'));
      await pair.expectLog(start);
    });

    it('says exactly what is undone when a replica has taken over that lagged', { timeout: 60_000 }, async () => {
      await using sentinel = await RedisSentinel.start();
      await using pair = await Pair.start(() => connect(sentinel));
      const { publisher } = pair;
      const kept = await publisher.publishAll(countTo(5, 'kept'));
      await sentinel.synchronized();
      await sentinel.cutReplica();
      const lost = await publisher.publishAll(countTo(3, 'lost'));
      await sentinel.primary.kill();
      sentinel.replica.goOn();
      const after = await publisher.publishAgain('meanwhile');
      await pair.goesOn();
      expect([after.epoch === kept[0]?.epoch, after.offset]).toEqual([false, 6]);
      const texts = publisher.stored.map(({ text }) => text).filter((text) => !text.startsWith('lost'));
      for (const [since, from, undone] of [
        [kept[2], 3, 0],
        [kept[4], 5, 0],
        [lost[2], 5, 3],
      ] as const) {
        const result = await pair.watcher.read(room, since ?? null, page, history);
        expect(result).toMatchObject({ whole: true, from, undone });
        expect(await textsAfter(pair.watcher, room, since ?? after)).toEqual(texts.slice(from));
      }
    });
  });
});
