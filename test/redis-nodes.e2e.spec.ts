import { createClient, type HoldfastClient, type RoomsApi } from '@holdfast/client';
import { rooms } from '@holdfast/client/rooms';
import { FaultProxy, TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';
import { ServiceProcess } from './support/service-process.js';
import { serviceSecret, tokenOf } from './support/service.js';

const lobby = 'chat/lobby';

requires('redis-server', redisMissing)('two processes of the service on one Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  const start = (): ServiceProcess =>
    new ServiceProcess({
      HOLDFAST_SECRET: serviceSecret,
      HOLDFAST_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    });
  const portOf = async (service: ServiceProcess): Promise<number> => Number(new URL(await service.url()).port);

  it('are one chat, and one of them may be killed: who was there gets what it missed', async () => {
    await using first = start();
    await using second = start();
    await using front = await FaultProxy.start(await portOf(first));
    const { client, heard, recovered } = listener(front.url('/live'), await tokenOf('ada'));
    try {
      client.connect();
      await client.request('join', { room: 'lobby' });
      const url = `ws://127.0.0.1:${await portOf(second)}/live`;
      await using bob = await TestClient.connect(url, { token: await tokenOf('bob') });
      await bob.request('join', { room: 'lobby' });
      await bob.request('say', { text: 'from the other node' });
      await vi.waitFor(() => expect(heard).toEqual(['from the other node']), 10_000);
      front.leadTo(undefined);
      first.kill('SIGKILL');
      await first.ended;
      for (const text of ['one', 'two', 'three']) await bob.request('say', { text });
      front.leadTo(await portOf(second));
      await vi.waitFor(() => expect(recovered).toEqual([3]), 20_000);
      await bob.request('say', { text: 'four' });
      await vi.waitFor(() => expect(heard).toHaveLength(5), 10_000);
      expect(heard).toEqual(['from the other node', 'one', 'two', 'three', 'four']);
    } finally {
      client.close();
    }
  });

  it('say so while Redis is away, and go on when it is back with its data', async () => {
    await using service = start();
    const { client, heard, states } = listener(`ws://127.0.0.1:${await portOf(service)}/live`, await tokenOf('eve'));
    try {
      client.connect();
      await client.request('join', { room: 'lobby' });
      expect(service.log).toContain('The engine redis warns: appendonly is off');
      await vi.waitFor(() => expect(states.at(-1)).toBe('joined'), 10_000);
      await client.request('say', { text: 'before' });
      await vi.waitFor(() => expect(heard).toEqual(['before']), 10_000);
      const data = await redis.mark();
      const engine = async (): Promise<number> => (await fetch(`${await service.url()}/health/engine`)).status;
      expect(await engine()).toBe(200);
      redis.stop();
      expect(await engine()).toBe(503);
      expect((await fetch(`${await service.url()}/health/ready`)).status).toBe(200);
      await expect(client.request('say', { text: 'lost' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await redis.restart(data);
      await vi.waitFor(() => client.request('say', { text: 'after' }), { timeout: 20_000, interval: 200 });
      await vi.waitFor(() => expect(heard).toEqual(['before', 'after']), 10_000);
      expect(states).toContain('degraded');
      expect(states.at(-1)).toBe('joined');
    } finally {
      client.close();
    }
  });
});

function listener(url: string, token: string) {
  const client: HoldfastClient & RoomsApi = createClient(url, {
    token: () => token,
    WebSocket,
    rooms: rooms(),
    backoff: { firstMs: 50, maxMs: 500, maxAttempts: 1_000 },
  });
  const heard: string[] = [];
  const recovered: number[] = [];
  const states: string[] = [];
  const room = client.room<{ said: { text: string } }>(lobby);
  room.on('said', ({ text }) => heard.push(text));
  room.on('$recovered', ({ count }) => recovered.push(count));
  room.on('$state', (state) => states.push(state));
  return { client, heard, recovered, states };
}
