import { Injectable, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, type Connection, ConnectionRegistry } from '@holdfast/gateway';
import { HandshakeRefused, type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot, nextToLeave, registryOf } from './support/boot.js';
import { SECRET, tokenOf } from './support/tokens.js';

@WebSocketGateway({ path: '/shared' })
class FirstGateway {
  handleConnection(connection: Connection): void {
    connection.tag('first', `floor:${connection.handshake.query.get('floor') ?? '0'}`);
  }

  @SubscribeMessage('leave')
  leave(): void {
    // Nothing to do.
  }
}

@WebSocketGateway({ path: '/shared' })
class SecondGateway {}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/members' })
class MembersGateway {}

/** The registry is there for any provider. */
@Injectable()
class Census {
  constructor(readonly registry: ConnectionRegistry) {}
}

const start = (): Promise<HoldfastTestApp> =>
  boot({ options: { auth: { secret: SECRET } }, providers: [FirstGateway, SecondGateway, MembersGateway, Census] });

const pathsOf = (connections: Iterable<Connection>): string[] =>
  [...connections].map(({ handshake }) => handshake.query.get('as') ?? '').sort();

/** Connects in order, and resolves when the server has opened them all. */
async function connectAll(app: HoldfastTestApp, names: readonly string[]): Promise<TestClient[]> {
  const clients: TestClient[] = [];
  for (const name of names) {
    const opened = new Promise<void>((resolve) => {
      const off = registryOf(app).on('changed', (_connection, { to }) => {
        if (to !== 'open') return;
        off();
        resolve();
      });
    });
    clients.push(await TestClient.connect(app.url(`/shared?as=${name}&floor=${name.length}`)));
    await opened;
  }
  return clients;
}

describe('the registry', () => {
  it('finds connections by id, gateway, principal and tag, and forgets them', async () => {
    await using app = await start();
    const { registry } = app.app.get(Census);
    await connectAll(app, ['a', 'b', 'ccc']);
    await using member = await TestClient.connect(app.url('/members?as=m'), { token: await tokenOf('ada') });
    expect(registry.size).toBe(4);
    expect(pathsOf(registry)).toEqual(['a', 'b', 'ccc', 'm']);
    expect(pathsOf(registry.ofGateway(FirstGateway))).toEqual(['a', 'b', 'ccc']);
    expect(pathsOf(registry.ofGateway(SecondGateway))).toEqual(['a', 'b', 'ccc']);
    expect(pathsOf(registry.ofGateway(MembersGateway))).toEqual(['m']);
    expect(pathsOf(registry.ofPrincipal('ada'))).toEqual(['m']);
    expect(pathsOf(registry.withTag('floor:1'))).toEqual(['a', 'b']);
    for (const connection of registry) expect(registry.get(connection.id)).toBe(connection);

    const [connection] = registry.ofPrincipal('ada');
    const left = nextToLeave(registry);
    await member.close();
    expect(await left).toBe(connection);
    expect(registry.get(connection?.id ?? '')).toBeUndefined();
    expect([registry.size, registry.ofPrincipal('ada').size, registry.ofGateway(MembersGateway).size]).toEqual([
      3, 0, 0,
    ]);
    expect(registry.get('nobody')).toBeUndefined();
    expect(registry.withTag('nothing').size).toBe(0);
  });

  it('follows tags as they come and go', async () => {
    await using app = await start();
    const registry = registryOf(app);
    await connectAll(app, ['a', 'b']);
    const [first] = registry;
    first?.tag('vip', 'vip');
    expect(pathsOf(registry.withTag('vip'))).toEqual(['a']);
    first?.untag('vip', 'unknown');
    expect(registry.withTag('vip').size).toBe(0);
    first?.tag('vip');
    const left = nextToLeave(registry);
    first?.close();
    first?.tag('vip2');
    await left;
    first?.tag('ghost');
    expect([registry.withTag('vip').size, registry.withTag('vip2').size, registry.withTag('ghost').size]).toEqual([
      0, 0, 0,
    ]);
  });

  it('may be iterated while connections leave and join', async () => {
    await using app = await start();
    const registry = registryOf(app);
    await connectAll(app, ['a', 'b', 'c', 'd']);
    const visited: string[] = [];
    for (const connection of registry) {
      const name = connection.handshake.query.get('as') ?? '';
      visited.push(name);
      if (name === 'a') {
        const [, second] = registry;
        const left = nextToLeave(registry);
        second?.close();
        await left;
        await connectAll(app, ['e']);
      }
    }
    expect(visited).toEqual(['a', 'c', 'd', 'e']);
    for (const connection of registry.ofGateway(FirstGateway)) {
      const left = nextToLeave(registry);
      connection.close();
      await left;
    }
    expect(registry.size).toBe(0);
  });
});

describe('a listener', () => {
  it('hears of joining, of every change with its cause, and of leaving, in order', async () => {
    await using app = await start();
    const registry = registryOf(app);
    const heard: unknown[] = [];
    registry.on('joined', (connection) => heard.push(['joined', connection.state, registry.size]));
    registry.on('changed', (_connection, { from, to, cause }) => heard.push([from, to, cause?.name]));
    registry.on('left', ({ state, cause }) => heard.push(['left', state, cause?.name, registry.size]));
    const left = nextToLeave(registry);
    const [client] = await connectAll(app, ['a']);
    await client?.close(1000, 'bye');
    await left;
    expect(heard).toEqual([
      ['joined', 'admitting', 1],
      ['admitting', 'open', undefined],
      ['open', 'closed', 'NORMAL'],
      ['left', 'closed', 'NORMAL', 0],
    ]);
  });

  it('hears nothing of whom the handshake refused', async () => {
    await using app = await start();
    const heard: string[] = [];
    for (const event of ['joined', 'changed', 'left'] as const) registryOf(app).on(event, () => heard.push(event));
    await expect(TestClient.connect(app.url('/members'))).rejects.toThrow(HandshakeRefused);
    await connectAll(app, ['a']);
    expect(heard).toEqual(['joined', 'changed']);
  });

  it('that throws, or rejects, disturbs nobody', async () => {
    await using app = await start();
    const registry = registryOf(app);
    const heard: string[] = [];
    registry.on('joined', () => {
      throw new Error('a listener of a test that fails');
    });
    registry.on('joined', () => Promise.reject(new Error('a listener of a test that fails later')));
    registry.on('joined', () => heard.push('joined'));
    const [client] = await connectAll(app, ['a']);
    expect(await client?.request('leave')).toMatchObject({ event: '$reply' });
    expect(heard).toEqual(['joined']);
  });

  it('that closes a newcomer keeps it from its hooks', async () => {
    await using app = await start();
    const registry = registryOf(app);
    registry.on('joined', (connection) => {
      connection.close(4000, 'not today');
    });
    const left = nextToLeave(registry);
    await using client = await TestClient.connect(app.url('/shared?as=a'));
    expect(await client.closed).toEqual({ code: 4000, reason: 'not today' });
    expect([...(await left).tags]).toEqual([]);
  });

  it('may be taken away', async () => {
    await using app = await start();
    const heard: string[] = [];
    const off = registryOf(app).on('joined', ({ id }) => heard.push(id));
    await connectAll(app, ['a']);
    off();
    off();
    await connectAll(app, ['b']);
    expect(heard).toHaveLength(1);
  });
});
