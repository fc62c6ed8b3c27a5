import { type Clock, type LimitRule, MemoryLimiter, systemClock } from '@holdfast/backplane';
import type { RedisBackplane } from '@holdfast/redis';
import { redisBackplane } from '@holdfast/redis/ioredis';
import { describeLimiter, ManualClock, seededRandom } from '@holdfast/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

const nobody = { publication: () => {}, command: () => {}, interrupted: () => {}, resumed: () => {} };

requires('redis-server', redisMissing)('limits on a real Redis', () => {
  let server: RedisServer;
  const nodes: RedisBackplane[] = [];
  /** Each test has a name space of its own. */
  let prefixes = 0;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(async () => {
    for (const node of nodes) await node.close();
    await server[Symbol.asyncDispose]();
  });

  /** @param options - `limitMs`: by default so long that a busy machine changes nothing */
  async function createNode(options: { prefix: string; clock?: Clock; limitMs?: number }): Promise<RedisBackplane> {
    const node = redisBackplane({
      client: new Redis({ port: server.port, lazyConnect: true }),
      limitMs: 5_000,
      ...options,
    });
    nodes.push(node);
    await node.start(`node-${nodes.length}`, nobody);
    return node;
  }

  describe('of one node', () => {
    const clock = new ManualClock();
    // Limits go by the time of the test; what waits for a real server goes by real time.
    const limitClock: Clock = { ...systemClock, now: () => clock.now() };
    let connected: Promise<RedisBackplane>;
    beforeAll(async () => {
      connected = createNode({ prefix: 'suite', clock: limitClock });
      await connected;
    });
    // One connection for all of them: there are more than a thousand harnesses.
    const create = async () => {
      const { limiter } = await connected;
      const space = `${++prefixes}:`;
      // Each begins with a whole millisecond, as on a clock of its own.
      clock.advance(Math.ceil(clock.now()) - clock.now());
      return {
        limiter: {
          consume: (key: string, rule: LimitRule, cost?: number) => limiter.consume(space + key, rule, cost),
        },
        advance: (ms: number) => clock.advance(ms),
      };
    };
    describeLimiter('RedisLimiter', create, { describe, it });

    it('decide as a MemoryLimiter does', async () => {
      const { limiter } = await connected;
      const memory = new MemoryLimiter({ clock });
      for (let seed = 1; seed <= 60; seed++) {
        const random = seededRandom(seed);
        const upTo = (most: number): number => Math.floor(random.next() * (most + 1));
        const algorithm = (['fixed-window', 'sliding-window', 'token-bucket'] as const)[upTo(2)] ?? 'fixed-window';
        const rule: LimitRule = { algorithm, windowMs: 1 + upTo(5_000), limit: 1 + upTo(20) };
        for (let use = 0; use < 30; use++) {
          clock.advance(upTo(1_000));
          const cost = upTo(6);
          const expected = memory.consume(`compared ${seed}`, rule, cost);
          const verdict = await limiter.consume(`compared ${seed}`, rule, cost);
          expect(verdict, `seed ${seed}, use ${use}, ${JSON.stringify(rule)}, cost ${cost}`).toEqual(expected);
        }
      }
    });
  });

  it('are one limit for two nodes, by the time of the server', async () => {
    const [one, two] = [await createNode({ prefix: 'shared' }), await createNode({ prefix: 'shared' })];
    const rule: LimitRule = { algorithm: 'token-bucket', windowMs: 60_000, limit: 10 };
    const uses = Array.from({ length: 20 }, (_, use) => (use % 2 ? one : two).limiter.consume('ada', rule));
    const verdicts = await Promise.all(uses);
    expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(10);
    const waits = verdicts.filter(({ allowed }) => !allowed).map(({ retryAfterMs }) => retryAfterMs);
    for (const wait of waits) expect(wait).toBeGreaterThan(5_000);
    for (const wait of waits) expect(wait).toBeLessThanOrEqual(6_000);
  });

  it('leave nothing in Redis once they have no effect, and nothing a client has sent in names of keys', async () => {
    const { limiter } = await createNode({ prefix: 'kept' });
    for (const algorithm of ['fixed-window', 'sliding-window', 'token-bucket'] as const) {
      await limiter.consume('secret'.repeat(1_000), { algorithm, windowMs: 5_000, limit: 1 });
    }
    const keys = await server.admin.keys('kept:*:l:*');
    expect(keys).toHaveLength(3);
    for (const key of keys) {
      expect(key.length).toBeLessThan(100);
      expect(await server.admin.pttl(key)).toBeLessThanOrEqual(16_000);
    }
  });

  it('reject within 100 ms while Redis does not answer, and go on with what was counted', async () => {
    const { limiter } = await createNode({ prefix: 'paused', limitMs: 100 });
    const rule: LimitRule = { algorithm: 'fixed-window', windowMs: 60_000, limit: 5 };
    await vi.waitFor(() => limiter.consume('ada', rule, 3));
    server.stop();
    try {
      await expect(limiter.consume('ada', rule)).rejects.toMatchObject({ stage: 'limit', code: 'TIMEOUT' });
    } finally {
      server.goOn();
    }
    // The use that had no answer in time may have been counted.
    await vi.waitFor(async () => {
      expect((await limiter.consume('ada', rule, 0)).remaining).toBeLessThanOrEqual(2);
      expect((await limiter.consume('ada', rule, 3)).allowed).toBe(false);
    });
  });
});
