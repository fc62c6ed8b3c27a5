import { setTimeout as sleep } from 'node:timers/promises';
import type { Backplane } from '@holdfast/backplane';
import { redisBackplane } from '@holdfast/redis/ioredis';
import { type BackplaneCapability, type BackplaneHarness, describeBackplane, FaultProxy } from '@holdfast/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const capabilities: BackplaneCapability[] = [
  ...(['sessions', 'cut', 'mend', 'pause', 'unpause', 'fill', 'empty', 'mark', 'rollBack'] as const),
];

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
  function createHarness(): BackplaneHarness {
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
        const client = new Redis({ port: proxy.port, lazyConnect: true });
        const node = redisBackplane({ client, prefix, roomIdleMs: 3_000, deadlineMs: 500 });
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

  describeBackplane('RedisBackplane by ioredis', createHarness, capabilities, { describe, it });
});
