import { setTimeout as sleep } from 'node:timers/promises';
import type { Backplane } from '@holdfast/backplane';
import { redisBackplane as byIoredis } from '@holdfast/redis/ioredis';
import { redisBackplane as byNodeRedis } from '@holdfast/redis/node-redis';
import { type BackplaneCapability, type BackplaneHarness, describeBackplane, FaultProxy } from '@holdfast/testing';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const capabilities: BackplaneCapability[] = [
  ...([
    'sessions',
    'nodes',
    'cut',
    'mend',
    'loseReply',
    'pause',
    'unpause',
    'fill',
    'empty',
    'mark',
    'rollBack',
  ] as const),
];

type Options = Omit<Parameters<typeof byIoredis>[0], 'client'>;

requires('redis-server', redisMissing)('the engine on a real Redis', () => {
  let server: RedisServer;
  let tests = 0;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  /** A prefix for each test, and a proxy for each node. */
  function createHarness(connect: (port: number, options: Options) => Backplane): BackplaneHarness {
    const prefix = `test-${++tests}`;
    const proxies = new Map<Backplane, FaultProxy>();
    const proxyOf = (node: Backplane): FaultProxy => {
      const proxy = proxies.get(node);
      if (!proxy) throw new Error('not a node of this test');
      return proxy;
    };
    /** Until all nodes are connected again. */
    const restart = async (mark?: string): Promise<void> => {
      await server.restart(mark);
      for (const node of proxies.keys()) {
        await vi.waitFor(() => node.tops(['any']), { timeout: 10_000, interval: 20 });
      }
    };
    return {
      roomIdleMs: 3_000,
      createNode: async () => {
        const proxy = await FaultProxy.start(server.port);
        const node = connect(proxy.port, { prefix, roomIdleMs: 3_000, deadlineMs: 500 });
        proxies.set(node, proxy);
        return node;
      },
      advance: (ms) => sleep(ms),
      settle: () => sleep(10),
      control: {
        cut: (node) => {
          proxyOf(node).leadTo(undefined);
          proxyOf(node).reset();
        },
        mend: (node) => proxyOf(node).leadTo(server.port),
        loseReply: (node) => proxyOf(node).loseAnswer(),
        pause: () => server.stop(),
        unpause: () => server.goOn(),
        fill: async () => {
          await server.admin.config('SET', 'maxmemory', '1');
        },
        empty: () => restart(),
        mark: () => server.mark(),
        rollBack: (mark) => restart(String(mark)),
      },
      dispose: async () => {
        server.goOn();
        await server.admin.config('SET', 'maxmemory', '0');
        for (const proxy of proxies.values()) await proxy.close();
      },
    };
  }

  const ioredis = (port: number, options: Options): Backplane =>
    byIoredis({ client: new Redis({ port, lazyConnect: true }), ...options });
  const nodeRedis = (port: number, options: Options): Backplane =>
    byNodeRedis({ client: createClient({ url: `redis://127.0.0.1:${port}` }), ...options });

  describeBackplane('RedisBackplane by ioredis', () => createHarness(ioredis), capabilities, { describe, it });
  describeBackplane('RedisBackplane by node-redis', () => createHarness(nodeRedis), capabilities, { describe, it });
});
