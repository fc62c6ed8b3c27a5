import { setTimeout as sleep } from 'node:timers/promises';
import type { WelcomeData } from '@holdfast/protocol';
import { TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NodeProcess } from './chaos/node-process.js';
import { freePort } from './support/free-port.js';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

/** Longer than half of the lease of a node, which is 15 s. */
const stoppedMs = 8_000;

requires('redis-server', redisMissing)('a node that was stopped', () => {
  let redis: RedisServer;
  const nodes: NodeProcess[] = [];
  beforeAll(async () => {
    redis = await RedisServer.start();
    for (let node = 0; node < 2; node++)
      nodes.push(new NodeProcess(await freePort(), { REDIS_PORT: String(redis.port) }, () => undefined));
    await Promise.all(nodes.map((node) => node.start()));
  }, 30_000);
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
    await redis[Symbol.asyncDispose]();
  });

  // Safe: that is what the gateway welcomes with.
  const sessionOf = ({ welcome }: TestClient) => (welcome?.data as WelcomeData).session;
  const connect = (port: number, session: string | null): Promise<TestClient> =>
    TestClient.connectSdk(`ws://127.0.0.1:${port}/`, { hello: { session } });
  const logOf = async (port: number, room: string): Promise<string[]> => {
    const response = await fetch(`http://127.0.0.1:${port}/log?room=${room}&offset=0`);
    const { page } = (await response.json()) as { page: { publications: { data: string }[] } };
    return page.publications.map(({ data }) => data);
  };

  it('handles nothing of a client that has another connection meanwhile, and all of those that have none', async () => {
    const [stopped, other] = [nodes[0]!.port, nodes[1]!.port];
    const moves = await connect(stopped, null);
    const stays = await connect(stopped, null);
    const session = sessionOf(moves);
    await moves.request('publish', { room: 'log/1', id: 'before' });
    nodes[0]!.signal('SIGSTOP');
    for (let n = 0; n < 50; n++) {
      moves.send({ event: 'publish', data: { room: 'log/1', id: `moved ${n}` }, id: n });
      stays.send({ event: 'publish', data: { room: 'log/2', id: `stays ${n}` }, id: n });
    }
    await using next = await connect(other, session!.id);
    expect(sessionOf(next)).toMatchObject({ resumed: true });
    // A stopped process sees no clock but the real one.
    await sleep(stoppedMs);
    nodes[0]!.signal('SIGCONT');
    for (let n = 0; n < 50; n++) await stays.next('$reply', 20_000);
    expect([1012, 4409]).toContain((await moves.closed).code);
    await next.request('publish', { room: 'log/1', id: 'after' });
    expect(await logOf(other, 'log/1')).toEqual(['before', 'after']);
    expect(await logOf(other, 'log/2')).toHaveLength(50);
    await stays.close();
  }, 60_000);
});
