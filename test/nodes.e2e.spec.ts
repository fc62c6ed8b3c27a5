import { UseGuards } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Backplane, MemoryBackplane, MemoryBroker } from '@holdfast/backplane';
import { AuthGuard, type Connection, Nodes, RateLimit, Rooms } from '@holdfast/gateway';
import { redisBackplane } from '@holdfast/redis/ioredis';
import { FaultProxy, type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { boot } from './support/boot.js';
import { passing } from './support/rate-limit.js';
import { RedisServer, redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';
import { SECRET, tokenOf } from './support/tokens.js';

@UseGuards(AuthGuard)
@WebSocketGateway()
class NodeGateway {
  @SubscribeMessage('enter')
  async enter(@MessageBody() room: string, @ConnectedSocket() connection: Connection): Promise<string[]> {
    await connection.join(room);
    return [...connection.rooms];
  }

  @SubscribeMessage('ten')
  @RateLimit({ limit: 10, windowMs: 60_000, per: 'principal' })
  ten(): void {}

  @SubscribeMessage('three')
  @RateLimit({ limit: 3, windowMs: 60_000 })
  three(): void {}
}

class Node implements AsyncDisposable {
  constructor(readonly app: HoldfastTestApp) {}

  static async start(backplane: Backplane): Promise<Node> {
    return new Node(await boot({ providers: [NodeGateway], options: { backplane, auth: { secret: SECRET } } }));
  }

  get nodes(): Nodes {
    return this.app.app.get(Nodes);
  }

  get rooms(): Rooms {
    return this.app.app.get(Rooms);
  }

  async connect(subject: string): Promise<TestClient> {
    return TestClient.connect(this.app.url('/'), { token: await tokenOf(subject) });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.app.close();
  }
}

function everyNode(create: () => Backplane): void {
  it('closes the connections of a principal, and says how many', async () => {
    await using one = await Node.start(create());
    await using other = await Node.start(create());
    await using ada = await one.connect('ada');
    await using adaToo = await other.connect('ada');
    await using ben = await other.connect('ben');
    const result = await one.nodes.disconnectPrincipal('ada', { reason: 'fired' });
    expect(result).toEqual({ connections: 2, nodes: 2, silent: 0 });
    for (const client of [ada, adaToo]) expect(await client.closed).toMatchObject({ code: 4410, reason: 'fired' });
    expect(await ben.request('enter', 'lobby')).toMatchObject({ data: ['lobby'] });
  });

  it('sends to a principal, and closes the members of a room', async () => {
    await using one = await Node.start(create());
    await using other = await Node.start(create());
    await using ada = await one.connect('ada');
    await using adaToo = await other.connect('ada');
    expect(await one.rooms.toPrincipal('ada', 'hello', { n: 1 })).toEqual({ connections: 2, nodes: 2, silent: 0 });
    for (const client of [ada, adaToo]) expect(await client.next('hello')).toMatchObject({ data: { n: 1 } });
    await adaToo.request('enter', 'closing');
    expect(await one.rooms.disconnect('closing', 4000, 'over')).toEqual({ connections: 1, nodes: 2, silent: 0 });
    expect(await adaToo.closed).toMatchObject({ code: 4000, reason: 'over' });
  });

  it('disturbs nobody by commands that are none', async () => {
    const intruder = create();
    const nobody = { publication: () => {}, command: () => {}, interrupted: () => {}, resumed: () => {} };
    await using one = await Node.start(create());
    await using ada = await one.connect('ada');
    await intruder.start('intruder', nobody);
    const room = JSON.stringify({ command: 'disconnect-room', data: { room: { toString: 'x' } } });
    for (const text of ['', '{', 'null', '[]', '7', '{"command":"constructor"}', '{"answer":1}', room]) {
      await intruder.send(null, Buffer.from(text));
    }
    for (const command of ['evict', 'disconnect-principal', 'principal-event', 'disconnect-room']) {
      for (const data of [undefined, null, 7, {}, [], { subject: 7 }, { room: 7, code: 'x' }]) {
        await intruder.send(null, Buffer.from(JSON.stringify({ command, data, id: 1 })));
      }
    }
    await intruder.close();
    expect(await ada.request('enter', 'lobby')).toMatchObject({ data: ['lobby'] });
    expect((await one.nodes.disconnectPrincipal('ada')).connections).toBe(1);
  });
}

describe('all nodes in one process', () => {
  const broker = new MemoryBroker();
  everyNode(() => new MemoryBackplane(broker));

  it('are not known by name', async () => {
    await using one = await Node.start(new MemoryBackplane());
    expect(await one.nodes.names()).toBeUndefined();
    for (const timeoutMs of [0, -1, Number.NaN]) {
      await expect(one.nodes.disconnectPrincipal('ada', { timeoutMs })).rejects.toThrow(RangeError);
    }
  });
});

requires('redis-server', redisMissing)('all nodes on a real Redis', () => {
  let server: RedisServer;
  let prefixes = 0;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  const engine = (prefix: string, port = server.port): Backplane =>
    redisBackplane({ client: new Redis({ port, lazyConnect: true }), prefix, deadlineMs: 1_000, limitMs: 5_000 });

  // One test after the other: nodes of one test have closed when those of the next one start.
  describe('of one prefix', () => everyNode(() => engine('nodes')));

  it('are known by name, until they close', async () => {
    const prefix = `nodes-${++prefixes}`;
    await using one = await Node.start(engine(prefix));
    const other = await Node.start(engine(prefix));
    const names = await one.nodes.names();
    expect(names).toHaveLength(2);
    expect(new Set(await other.nodes.names())).toEqual(new Set(names));
    await other.app.close();
    expect(await one.nodes.names()).toHaveLength(1);
  });

  it('count a node that cannot be reached as silent, and what this node could do is done', async () => {
    const prefix = `nodes-${++prefixes}`;
    await using proxy = await FaultProxy.start(server.port);
    await using one = await Node.start(engine(prefix));
    await using other = await Node.start(engine(prefix, proxy.port));
    await using ada = await one.connect('ada');
    await using adaToo = await other.connect('ada');
    proxy.leadTo(undefined);
    proxy.reset();
    const result = await one.nodes.disconnectPrincipal('ada', { timeoutMs: 200 });
    expect(result).toEqual({ connections: 1, nodes: 1, silent: 1 });
    expect(await ada.closed).toMatchObject({ code: 4410 });
    await expect(other.nodes.disconnectPrincipal('ada')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await adaToo.closed).toMatchObject({ code: 4410 });
    proxy.leadTo(server.port);
    await using again = await other.connect('ada');
    await vi.waitFor(async () => expect((await one.nodes.disconnectPrincipal('ada')).silent).toBe(0), {
      timeout: 10_000,
      interval: 100,
    });
    expect(await again.closed).toMatchObject({ code: 4410 });
  });

  it('count limits of a principal together, and those of a connection each by itself', async () => {
    const prefix = `nodes-${++prefixes}`;
    await using one = await Node.start(engine(prefix));
    await using other = await Node.start(engine(prefix));
    await using ada = await one.connect('ada');
    await using adaToo = await other.connect('ada');
    const allowed = [...(await passing(ada, 'ten', 8)), ...(await passing(adaToo, 'ten', 8))];
    expect(allowed.filter((isAllowed) => isAllowed)).toHaveLength(10);
    for (const client of [ada, adaToo]) expect(await passing(client, 'three', 4)).toEqual([true, true, true, false]);
  });
});
