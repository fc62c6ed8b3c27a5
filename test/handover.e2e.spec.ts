import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { createClient, type HoldfastClient, type RoomsApi, type StateChange } from '@holdfast/client';
import { rooms } from '@holdfast/client/rooms';
import { type Connection, ConnectionRegistry, type DrainReport, DrainService, Room, Rooms } from '@holdfast/gateway';
import { redisBackplane } from '@holdfast/redis/ioredis';
import { FaultProxy, type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { boot } from './support/boot.js';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

/** Holds up requests, so that they are under way when a drain begins. */
let release: () => void = () => undefined;
let held = Promise.resolve();

@WebSocketGateway()
class MovingGateway implements OnGatewayConnection {
  async handleConnection(connection: Connection): Promise<void> {
    await connection.join('news');
  }

  @Room('chat/:name')
  mayChat(): boolean {
    return true;
  }

  @SubscribeMessage('held')
  async held(@MessageBody() value: number, @ConnectedSocket() connection: Connection): Promise<[number, string]> {
    await held;
    return [value, connection.id];
  }

  @SubscribeMessage('now')
  now(@MessageBody() value: number): number {
    return value;
  }
}

class Node implements AsyncDisposable {
  constructor(readonly app: HoldfastTestApp) {}

  static async start(redis: RedisServer, prefix: string): Promise<Node> {
    const client = new Redis({ port: redis.port, lazyConnect: true });
    const options = {
      backplane: redisBackplane({ client, prefix }),
      rooms: [
        { pattern: 'chat/:name', history: { size: 1_000 } },
        { pattern: 'news', history: { size: 1_000 } },
      ],
      admission: { maxConnectionsPerIp: Infinity },
      lifecycle: { drainWindowMs: 200 },
    };
    return new Node(await boot({ providers: [MovingGateway], options }));
  }

  get port(): number {
    return Number(new URL(this.app.url('/')).port);
  }

  get rooms(): Rooms {
    return this.app.app.get(Rooms);
  }

  get connections(): number {
    return this.app.app.get(ConnectionRegistry).size;
  }

  drain(): Promise<DrainReport> {
    return this.app.app.get(DrainService).start();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.app.close();
  }
}

let prefixes = 0;

/** Two nodes, and an address that leads to the first one. */
class Pair implements AsyncDisposable {
  private constructor(
    readonly first: Node,
    readonly second: Node,
    readonly front: FaultProxy,
  ) {}

  static async start(redis: RedisServer): Promise<Pair> {
    const prefix = `moving-${++prefixes}`;
    const first = await Node.start(redis, prefix);
    return new Pair(first, await Node.start(redis, prefix), await FaultProxy.start(first.port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front.close();
    await Promise.all([this.first.app.close(), this.second.app.close()]);
  }
}

/** A client and all that its application is told. */
class Listener implements Disposable {
  readonly client: HoldfastClient & RoomsApi;
  readonly changes: StateChange[] = [];
  readonly chat: number[] = [];
  readonly news: number[] = [];
  readonly typing: number[] = [];
  /** Of the rooms. */
  readonly told: string[] = [];

  constructor(url: string) {
    const backoff = { firstMs: 20, maxMs: 200, maxAttempts: 1_000 };
    this.client = createClient(url, { WebSocket, rooms: rooms(), backoff });
    this.client.on('$state', (change) => this.changes.push(change));
    for (const [name, heard] of [
      ['chat/tea', this.chat],
      ['news', this.news],
    ] as const) {
      const room = this.client.room<{ said: number; typing: number }>(name);
      room.on('said', (value) => heard.push(value));
      room.on('typing', (value) => this.typing.push(value));
      for (const event of ['$recovered', '$unrecovered', '$undone', '$skipped'] as const) {
        room.on(event, () => this.told.push(`${name} ${event}`));
      }
      room.on('$state', (state) => this.told.push(`${name} ${state}`));
    }
  }

  async join(): Promise<void> {
    this.client.connect();
    await this.client.room('chat/tea').join();
    await vi.waitFor(() => expect(this.client.room('news').state).toBe('joined'));
    this.told.length = 0;
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

requires('redis-server', redisMissing)('a drain, where there is another node', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  it('moves clients that notice nothing of it: each publication once, in order, and no state of a room changes', async () => {
    await using pair = await Pair.start(redis);
    const { first, second, front } = pair;
    const listeners = upTo(20).map(() => new Listener(front.url('/')));
    try {
      await Promise.all(listeners.map((listener) => listener.join()));
      front.leadTo(second.port);
      let published = 0;
      const publish = async (): Promise<void> => {
        await Promise.all([
          second.rooms.to('chat/tea').emit('said', published),
          first.rooms.to('news').emit('said', published),
        ]);
        published++;
      };
      await publish();
      const draining = first.drain();
      let report: DrainReport | undefined;
      void draining.then((done) => (report = done));
      while (!report) await publish();
      for (let more = 0; more < 10; more++) await publish();
      expect(report).toMatchObject({ connections: 20, moved: 20, closed: 0, cut: 0 });
      expect(second.connections).toBe(20);
      for (const { chat, news, told, changes } of listeners) {
        await vi.waitFor(() => expect([chat.length, news.length]).toEqual([published, published]));
        expect(chat).toEqual(upTo(published));
        expect(news).toEqual(upTo(published));
        expect(told).toEqual([]);
        expect(changes.map(({ to, cause }) => `${to} ${cause}`)).toEqual([
          'connecting connect',
          'open welcome',
          'open handover',
        ]);
      }
    } finally {
      for (const listener of listeners) listener[Symbol.dispose]();
    }
  });

  it('answers what is under way on the first connection, and takes what comes then on the next', async () => {
    await using pair = await Pair.start(redis);
    const { first, second, front } = pair;
    using listener = new Listener(front.url('/'));
    const { client, changes } = listener;
    await listener.join();
    held = new Promise((resolve) => (release = resolve));
    const before = client.connectionId;
    const answer = client.request('held', 1);
    front.leadTo(second.port);
    const draining = first.drain();
    await vi.waitFor(() => expect(changes.at(-1)?.cause).toBe('handover'));
    expect(await client.request('now', 2)).toBe(2);
    expect(client.connectionId).not.toBe(before);
    release();
    expect(await answer).toEqual([1, before]);
    expect(await draining).toMatchObject({ moved: 1, cut: 0, handlersCut: 0 });
  });

  it('tries again while its attempts meet the node that is draining', async () => {
    await using pair = await Pair.start(redis);
    const { first, second, front } = pair;
    using listener = new Listener(front.url('/'));
    await listener.join();
    const opened = front.counts.accepted;
    const draining = first.drain();
    // Each of them is answered by 503.
    await vi.waitFor(() => expect(front.counts.accepted).toBeGreaterThan(opened + 2));
    await second.rooms.to('chat/tea').emit('said', 7);
    await vi.waitFor(() => expect(listener.chat).toEqual([7]));
    front.leadTo(second.port);
    expect(await draining).toMatchObject({ connections: 1, moved: 1 });
    expect(listener.changes.map(({ to }) => to)).toEqual(['connecting', 'open', 'open']);
    expect(listener.told).toEqual([]);
  });

  it('closes those that cannot move, and they come back as after any drain', async () => {
    await using pair = await Pair.start(redis);
    const { first, second, front } = pair;
    using listener = new Listener(front.url('/'));
    await listener.join();
    await using plain = await TestClient.connect(front.url('/'));
    const report = await first.drain();
    expect(await plain.closed).toMatchObject({ code: 1012 });
    expect(report).toMatchObject({ connections: 2, moved: 0, closed: 2, cut: 0 });
    await second.rooms.to('chat/tea').emit('said', 1);
    front.leadTo(second.port);
    await vi.waitFor(() => expect(listener.chat).toEqual([1]), 10_000);
    expect(listener.changes.map(({ to }) => to)).toContain('waiting');
  }, 20_000);

  it('asks nobody to move who is alone', async () => {
    await using only = await Node.start(redis, `moving-${++prefixes}`);
    using listener = new Listener(only.app.url('/'));
    await listener.join();
    const drained: unknown[] = [];
    listener.client.on('$drain', (drain) => drained.push(drain));
    expect(await only.drain()).toMatchObject({ connections: 1, moved: 0, closed: 1 });
    expect(drained).toEqual([{ retryAfterMs: expect.any(Number) as number, windowMs: 200, reason: 'service restart' }]);
  });
});

describe('$moved', () => {
  it('is a violation of a client that was not asked to move (PROTOCOL.md 10.10)', async () => {
    const app = await boot({ providers: [MovingGateway] });
    try {
      await using client = await TestClient.connectSdk(app.url('/'));
      client.send({ event: '$moved' });
      expect(await client.next('$error')).toMatchObject({ data: { code: 'RESERVED_EVENT' } });
    } finally {
      await app.close();
    }
  });
});
