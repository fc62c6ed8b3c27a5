import type { Backplane, BackplaneSink } from '@holdfast/backplane';
import { redisBackplane as byIoredis } from '@holdfast/redis/ioredis';
import { redisBackplane as byNodeRedis } from '@holdfast/redis/node-redis';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { describe, expect, it } from 'vitest';
import { freePort } from './support/free-port.js';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';
import { until } from './support/until.js';

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

    it('fails where the prefix has data of another version, and says so', async () => {
      await using server = await RedisServer.start();
      await server.admin.set('boot:layout', '9 of 7');
      const failed = connect(server.port).start('node', sink);
      await expect(failed).rejects.toMatchObject({ code: 'MISCONFIGURED', outcome: 'none' });
      await expect(failed).rejects.toThrow(/boot:layout says .* "9 of 7".*choose another prefix/);
    });

    it('fails where a key of the prefix is of another type, and says so', async () => {
      await using server = await RedisServer.start();
      await server.admin.sadd('boot:layout', 'of somebody else');
      await expect(connect(server.port).start('node', sink)).rejects.toThrow(/WRONGTYPE/);
    });

    it('fails where the user may not ask for INFO, and says so', async () => {
      await using server = await RedisServer.start();
      await server.admin.call('ACL', 'SETUSER', 'default', '-info');
      const failed = connect(server.port).start('node', sink);
      await expect(failed).rejects.toMatchObject({ code: 'MISCONFIGURED' });
      await expect(failed).rejects.toThrow(/NOPERM.*info/);
    });

    it('warns of replicas that nobody waits for', async () => {
      await using primary = await RedisServer.start();
      await using replica = await RedisServer.start(undefined, ['--replicaof', '127.0.0.1', String(primary.port)]);
      await until('the replica is in sync', async () =>
        (await replica.admin.info('replication')).includes('master_link_status:up'),
      );
      const warningsOf = async (): Promise<readonly string[]> => {
        const backplane = connect(primary.port);
        await backplane.start('node', sink);
        await backplane.close();
        return backplane.durability.warnings;
      };
      expect(await warningsOf()).toContainEqual(expect.stringMatching(/^min-replicas-to-write is 0/));
      await primary.admin.config('SET', 'min-replicas-to-write', '1');
      expect(await warningsOf()).not.toContainEqual(expect.stringMatching(/^min-replicas-to-write/));
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
