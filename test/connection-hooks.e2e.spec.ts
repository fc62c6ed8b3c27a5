import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { ForbiddenException } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, Counters, type DisconnectCause, HoldfastException, HoldfastGateway } from '@holdfast/gateway';
import { type HoldfastTestApp, ManualClock, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot, nextToLeave, onlyConnection, registryOf } from './support/boot.js';

interface Desk {
  opened: boolean;
}

@WebSocketGateway({ path: '/hooks' })
class HookGateway extends HoldfastGateway<Desk> {
  readonly heard: string[] = [];
  /** `connecting` is emitted with what lets `onConnect` go on. */
  readonly events = new EventEmitter<{ connecting: [goOn: (error?: Error) => void]; gone: [] }>();
  signal: AbortSignal | undefined;

  override onHandshake(connection: Connection<Desk>, { url }: IncomingMessage): void {
    this.heard.push(`handshake ${connection.state} ${url ?? ''}`);
    this.signal = connection.signal;
    const name = connection.handshake.query.get('as');
    if (name === 'banned') throw new ForbiddenException('Not you');
    if (name === 'early') throw new HoldfastException('CONFLICT', 'Come back later', { at: 9 });
  }

  override async onConnect(connection: Connection<Desk>): Promise<void> {
    this.heard.push(`connect ${connection.state}`);
    if (connection.handshake.query.get('as') === 'slow') {
      await new Promise<void>((resolve, reject) => {
        this.events.emit('connecting', (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    }
    connection.data.opened = true;
    this.heard.push('connected');
  }

  override onDisconnect({ data }: Connection<Desk>, { name, initiator }: DisconnectCause): void {
    this.heard.push(`disconnect ${name} by ${initiator}, opened: ${data.opened}`);
    this.events.emit('gone');
  }

  override onDrain(): void {
    this.heard.push(`drain of ${this.connections.size}`);
  }

  @SubscribeMessage('count')
  count(): number {
    return this.connections.size + this.registry.size;
  }
}

/** The hooks of Nest, on a class that extends nothing; the second on the path of the first. */
@WebSocketGateway({ path: '/hooks' })
class PlainGateway {
  readonly heard: string[] = [];

  handleConnection(connection: Connection, request: IncomingMessage): void {
    this.heard.push(`connection ${connection.state} ${request.method ?? ''}`);
  }

  handleDisconnect(connection: Connection, reason: string): void {
    this.heard.push(`disconnection ${connection.cause?.name ?? ''} ${reason}`);
  }
}

const start = (clock?: ManualClock): Promise<HoldfastTestApp> =>
  boot({ providers: [HookGateway, PlainGateway], options: { heartbeat: { intervalMs: 0 } }, ...(clock && { clock }) });

describe('the hooks of a gateway', () => {
  it('run in order, and those of plain classes just as well', async () => {
    await using app = await start();
    const gateway = app.app.get(HookGateway);
    await using client = await TestClient.connect(app.url('/hooks?as=ada'));
    expect(await client.request('count')).toMatchObject({ data: 2 });
    const gone = once(gateway.events, 'gone');
    await client.close(1000, 'bye');
    await gone;
    expect(gateway.heard).toEqual([
      'handshake admitting /hooks?as=ada',
      'connect admitting',
      'connected',
      'disconnect NORMAL by client, opened: true',
    ]);
    expect(app.app.get(PlainGateway).heard).toEqual(['connection admitting GET', 'disconnection NORMAL bye']);
  });

  it.each([
    ['banned', 403, { code: 'FORBIDDEN', message: 'Not you' }],
    ['early', 403, { code: 'CONFLICT', message: 'Come back later' }],
  ])('refuse by onHandshake before the 101, and nothing is left of the client (%s)', async (name, status, error) => {
    await using app = await start();
    const gateway = app.app.get(HookGateway);
    await expect(TestClient.connect(app.url(`/hooks?as=${name}`))).rejects.toMatchObject({ status, body: { error } });
    expect(gateway.heard).toEqual([`handshake admitting /hooks?as=${name}`]);
    expect(gateway.signal?.reason).toMatchObject({
      code: 1006,
      initiator: 'server',
      reason: 'refused at the handshake',
    });
    expect(registryOf(app).size).toBe(0);
  });

  it('refuse an SDK client by onHandshake after $hello, with details (PROTOCOL 6.1)', async () => {
    await using app = await start();
    await using client = await TestClient.connect(app.url('/hooks?as=early'), { protocols: ['holdfast.v1.json'] });
    client.send({ event: '$hello' });
    expect(await client.next()).toMatchObject({ event: '$error', data: { code: 'CONFLICT', details: { at: 9 } } });
    expect(await client.closed).toMatchObject({ code: 4500 });
    expect(app.app.get(HookGateway).heard).toEqual(['handshake admitting /hooks?as=early']);
  });

  it('hear of a shutdown while everybody is still there', async () => {
    const app = await start();
    await TestClient.connect(app.url('/hooks'));
    const { heard } = app.app.get(HookGateway);
    await app.close();
    expect(heard.slice(-2)).toEqual(['drain of 1', 'disconnect SERVICE_RESTART by server, opened: true']);
  });
});

/** Connects a client whose connection hook waits, and resolves with what lets it go on. */
async function connectSlowly(app: HoldfastTestApp): Promise<{ client: TestClient; goOn: (error?: Error) => void }> {
  const connecting = once(app.app.get(HookGateway).events, 'connecting');
  const client = await TestClient.connect(app.url('/hooks?as=slow'));
  // What `onConnect` emits above.
  const [goOn] = (await connecting) as [(error?: Error) => void];
  return { client, goOn };
}

describe('a client that leaves while its connection hook is at work', () => {
  it('is said goodbye to when that has finished, never before', async () => {
    await using app = await start();
    const gateway = app.app.get(HookGateway);
    const { client, goOn } = await connectSlowly(app);
    const left = nextToLeave(registryOf(app));
    client.terminate();
    expect((await left).state).toBe('closed');
    expect(gateway.heard.at(-1)).toBe('connect admitting');
    const gone = once(gateway.events, 'gone');
    goOn();
    await gone;
    expect(gateway.heard.slice(-2)).toEqual(['connected', 'disconnect ABNORMAL by network, opened: true']);
  });

  it('is said goodbye to when that has failed, which ends nothing else', async () => {
    await using app = await start();
    const gateway = app.app.get(HookGateway);
    const { client, goOn } = await connectSlowly(app);
    const left = nextToLeave(registryOf(app));
    client.terminate();
    await left;
    const gone = once(gateway.events, 'gone');
    goOn(new Error('a hook of a test that fails'));
    await gone;
    expect(gateway.heard.at(-1)).toBe('disconnect ABNORMAL by network, opened: undefined');
    await using next = await TestClient.connect(app.url('/hooks'));
    expect(await next.request('count')).toMatchObject({ data: 2 });
  });

  it('is said goodbye to when the time for hooks is over, whatever the hook does', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    const gateway = app.app.get(HookGateway);
    const { client, goOn } = await connectSlowly(app);
    const left = nextToLeave(registryOf(app));
    client.terminate();
    await left;
    clock.advance(9_800);
    expect(gateway.heard.at(-1)).toBe('connect admitting');
    const gone = once(gateway.events, 'gone');
    clock.advance(400);
    await gone;
    expect(gateway.heard.at(-1)).toBe('disconnect ABNORMAL by network, opened: undefined');
    goOn(new Error('too late to matter'));
    expect(clock.pending).toBe(0);
  });

  it('is waited for by a shutdown', async () => {
    const app = await start();
    const gateway = app.app.get(HookGateway);
    const { client, goOn } = await connectSlowly(app);
    const left = nextToLeave(registryOf(app));
    client.terminate();
    await left;
    const closing = app.close();
    goOn();
    await closing;
    expect(gateway.heard.at(-1)).toBe('disconnect ABNORMAL by network, opened: true');
  });
});

describe('a connection hook that does not finish', () => {
  it('ends the connection with 4505 and is not waited for (PROTOCOL 6.4)', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    const { client } = await connectSlowly(app);
    const gone = once(app.app.get(HookGateway).events, 'gone');
    client.send({ event: 'count', id: 1 });
    clock.advance(10_200);
    expect(await client.next()).toMatchObject({ event: '$error', data: { code: 'HANDLER_TIMEOUT' } });
    expect(await client.closed).toMatchObject({ code: 4505 });
    await gone;
    expect(client.waiting).toEqual([]);
  });

  it('ends nothing when it fails: the client gets INTERNAL and 4500, and the others stay (PROTOCOL 6.4)', async () => {
    await using app = await start();
    await using other = await TestClient.connect(app.url('/hooks'));
    const { client, goOn } = await connectSlowly(app);
    const left = nextToLeave(registryOf(app));
    goOn(new Error('a hook of a test that fails'));
    expect(await client.next()).toEqual({
      event: '$error',
      data: { code: 'INTERNAL', message: 'Internal server error' },
    });
    expect(await client.closed).toMatchObject({ code: 4500 });
    expect(app.app.get(Counters).get('error', 'INTERNAL')).toBe(1);
    expect(await other.request('count')).toMatchObject({ event: '$reply' });
    await left;
    expect(onlyConnection(app).state).toBe('open');
  });
});
