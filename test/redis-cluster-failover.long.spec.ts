import type { Backplane } from '@holdfast/backplane';
import { redisBackplane as byIoredis } from '@holdfast/redis/ioredis';
import { redisBackplane as byNodeRedis } from '@holdfast/redis/node-redis';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { expect, it, vi } from 'vitest';
import { BackplaneNotes, countTo, Publisher, textsAfter } from './support/backplane-notes.js';
import { RedisCluster } from './support/redis-cluster.js';
import { redisMissing, type RedisServer } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const room = 'room';
const prefix = 'failover';

const ioredis = ({ addresses }: RedisCluster): Backplane =>
  byIoredis({ client: new Cluster(addresses, { lazyConnect: true }), prefix });
const nodeRedis = ({ addresses }: RedisCluster): Backplane =>
  byNodeRedis({ client: createCluster({ rootNodes: addresses.map((socket) => ({ socket })) }), prefix });

requires('redis-server', redisMissing)('a master of a cluster with a replica', () => {
  it.each([
    ['is killed', 'ioredis', ioredis, 'kill'],
    ['is killed', 'node-redis', nodeRedis, 'kill'],
    ['stands still', 'ioredis', ioredis, 'stop'],
    ['stands still', 'node-redis', nodeRedis, 'stop'],
  ] as const)(
    '%s: the replica takes over, and nothing is lost that it had (%s)',
    { timeout: 60_000 },
    async (...row) => {
      const [, , connect, fault] = row;
      await using cluster = await RedisCluster.start(1_000);
      const [writer, watcher] = [connect(cluster), connect(cluster)];
      const notes = new BackplaneNotes();
      await writer.start('writer', new BackplaneNotes());
      await watcher.start('watcher', notes);
      try {
        await watcher.watch([room]);
        const publisher = new Publisher(writer, room);
        const first = await publisher.publish('first');
        const { server } = await cluster.find(`:m:${room}`);
        await using replica = await cluster.replicaOf(server);
        await publisher.publishAll(countTo(10, 'before'));
        await vi.waitFor(async () => expect((await textsOn(replica)).at(-1)).toContain('before 10'), 10_000);

        await server[fault]();
        const after = await publisher.publishAgain('meanwhile');
        expect(after.epoch).not.toBe(first.epoch);
        // The watcher asks nothing by itself: it has to notice that nothing comes any more.
        await vi.waitFor(() => expect(notes.notices.at(-1)).toBe('resumed'), 20_000);
        await publisher.publishAll(countTo(10, 'again'));
        await vi.waitFor(() => expect(notes.heardIn(room).slice(-10)).toEqual(countTo(10, 'again')), 5_000);

        server.goOn();
        const log = await textsAfter(watcher, room, { epoch: first.epoch, offset: 0 });
        const { stored, unknown } = publisher;
        expect(log.filter((text) => !unknown.includes(text))).toEqual(stored.map(({ text }) => text));
        expect(new Set(log).size).toBe(log.length);
      } finally {
        await Promise.all([writer.close(), watcher.close()]);
      }
    },
  );
});

async function textsOn(replica: RedisServer): Promise<string[]> {
  await replica.admin.readonly();
  const [key = ''] = await replica.admin.keys(`*:h:${room}`);
  return await replica.admin.lrange(key, 0, -1);
}
