import type { Backplane, BackplaneSink } from '@holdfast/backplane';
import { redisBackplane as byIoredis } from '@holdfast/redis/ioredis';
import { redisBackplane as byNodeRedis } from '@holdfast/redis/node-redis';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { describe, expect, it } from 'vitest';
import { freePort } from './support/free-port.js';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const prefix = 'boot';
const ioredis = (port: number): Backplane => byIoredis({ client: new Redis({ port, lazyConnect: true }), prefix });
const nodeRedis = (port: number): Backplane =>
  byNodeRedis({ client: createClient({ url: `redis://127.0.0.1:${port}` }), prefix });

const sink: BackplaneSink = {
  publication: () => undefined,
  command: () => undefined,
  interrupted: () => undefined,
  resumed: () => undefined,
};

requires('redis-server', redisMissing)('the boot of the engine on Redis', () => {
  describe.each([
    ['ioredis', ioredis],
    ['node-redis', nodeRedis],
  ] as const)('by %s', (_, connect) => {
    it('fails in time where there is no server, and says where it has looked', async () => {
      const port = await freePort();
      const failed = connect(port).start('node', sink);
      await expect(failed).rejects.toMatchObject({ code: 'AWAY', stage: 'connect', outcome: 'none' });
      await expect(failed).rejects.toThrow(new RegExp(`ECONNREFUSED.*${port}`));
    });

    it('fails where a password is missing, and says so', async () => {
      await using server = await RedisServer.start('secret');
      const failed = connect(server.port).start('node', sink);
      await expect(failed).rejects.toMatchObject({ code: 'MISCONFIGURED', outcome: 'none' });
      await expect(failed).rejects.toThrow(/NOAUTH/);
    });

    it('fails on a replica, and says what to connect to', async () => {
      await using primary = await RedisServer.start();
      await using replica = await RedisServer.start();
      await replica.admin.replicaof('127.0.0.1', primary.port);
      const failed = connect(replica.port).start('node', sink);
      await expect(failed).rejects.toMatchObject({ code: 'MISCONFIGURED' });
      await expect(failed).rejects.toThrow(/connect to the primary/);
    });

    it('warns of settings that lose data', async () => {
      await using server = await RedisServer.start();
      await server.admin.config('SET', 'maxmemory', '100mb');
      await server.admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const backplane = connect(server.port);
      await backplane.start('node', sink);
      expect(backplane.durability).toMatchObject({ kind: 'memory', loseMs: 0 });
      expect(backplane.durability.warnings).toEqual([
        expect.stringMatching(/^maxmemory-policy is allkeys-lru: .* Set it to noeviction$/),
        expect.stringMatching(/^appendonly is off/),
      ]);
      await backplane.close();
    });
  });

  it.each(['', 'with space', 'a{b}', 'x'.repeat(65)])('refuses the prefix "%s"', (wrong) => {
    const client = new Redis({ lazyConnect: true });
    expect(() => byIoredis({ client, prefix: wrong })).toThrow(TypeError);
  });
});
