import { inspect } from 'node:util';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Connection, ConnectionRegistry, type StateChange } from '@holdfast/gateway';
import { encodeClose, encodeFrame, FaultProxy, ManualClock, rawUpgrade, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot, nextToLeave, onlyConnection, registryOf } from './support/boot.js';

interface Seat {
  row: number;
}

@WebSocketGateway({ path: '/desk/:desk' })
class DeskGateway {
  /** What `emit` returned in a handler that the client did not wait for. */
  late: Promise<boolean> | undefined;

  async handleConnection(connection: Connection<Seat>): Promise<void> {
    await Promise.resolve();
    connection.data.row = 7;
  }

  @SubscribeMessage('row')
  row(@ConnectedSocket() connection: Connection<Seat>): number {
    return connection.data.row;
  }

  @SubscribeMessage('close')
  close(@ConnectedSocket() connection: Connection, @MessageBody() [code, reason]: [number, string]): void {
    connection.close(code, reason);
  }

  @SubscribeMessage('tell')
  tell(@ConnectedSocket() connection: Connection): void {
    // After the frames that came in the same packet.
    this.late = Promise.resolve().then(() => connection.emit('news', 1));
  }
}

const start = (clock?: ManualClock): ReturnType<typeof boot> =>
  boot({ providers: [DeskGateway], options: { heartbeat: { intervalMs: 0 } }, ...(clock && { clock }) });

describe('a connection', () => {
  it('is one object from hook to handler, and is found without being held', async () => {
    await using app = await start();
    await using client = await TestClient.connect(app.url('/desk/7?floor=2'));
    expect(await client.request('row')).toMatchObject({ data: 7 });
    const connection = onlyConnection(app);
    expect(connection).toBeInstanceOf(Connection);
    expect(registryOf(app).get(connection.id)).toBe(connection);
    expect(connection.handshake).toMatchObject({
      route: '/desk/:desk',
      path: '/desk/7',
      params: { desk: '7' },
      ip: '127.0.0.1',
      mode: 'plain',
      subprotocol: '',
      secure: false,
    });
    expect(connection.handshake.query.get('floor')).toBe('2');
    expect(Object.isFrozen(connection.handshake)).toBe(true);
    expect(connection.id).toMatch(/^[\w-]{20}$/);
  });

  it('goes from admitting by open and draining to closed, once each, and says why', async () => {
    await using app = await start();
    const changes: StateChange[] = [];
    const registry = registryOf(app);
    registry.on('changed', (_connection, change) => changes.push(change));
    await using client = await TestClient.connect(app.url('/desk/1'));
    await client.request('row');
    const left = nextToLeave(registry);
    onlyConnection(app).close(4000, 'done');
    onlyConnection(app).close(4001, 'done again');
    expect(await client.closed).toEqual({ code: 4000, reason: 'done' });
    const connection = await left;
    const cause = { code: 4000, name: 'APPLICATION', reason: 'done', initiator: 'server' };
    expect(changes).toEqual([
      { from: 'admitting', to: 'open', cause: undefined },
      { from: 'open', to: 'draining', cause },
      { from: 'draining', to: 'closed', cause },
    ]);
    expect(connection.cause).toEqual(cause);
    expect(Object.isFrozen(connection.cause)).toBe(true);
  });

  it('knows what went through it also when it has ended, and has nothing left to flush', async () => {
    await using app = await start();
    await using client = await TestClient.connect(app.url('/desk/1'));
    await client.request('row');
    const connection = onlyConnection(app);
    const open = connection.stats;
    const left = nextToLeave(registryOf(app));
    await client.close();
    await left;
    const { bytesIn, bytesOut, ...counts } = connection.stats;
    expect(counts).toEqual({ messagesIn: 1, messagesOut: 1, violations: 0 });
    // A close frame went each way.
    expect(bytesIn).toBeGreaterThan(open.bytesIn);
    expect(bytesOut).toBeGreaterThan(open.bytesOut);
    await connection.flushed();
  });

  it('takes nothing once it is ending', async () => {
    await using app = await start();
    await using client = await TestClient.connect(app.url('/desk/1'));
    const connection = onlyConnection(app);
    expect(connection.emit('news', 1)).toBe(true);
    connection.close();
    expect(connection.emit('news', 2)).toBe(false);
    expect(await client.closed).toMatchObject({ code: 1000 });
    expect(client.waiting).toEqual(['news']);
    expect(connection.stats.messagesOut).toBe(1);
  });

  it('takes nothing once the client has said goodbye (PROTOCOL 10.5)', async () => {
    await using app = await start();
    const goodbye = encodeFrame({ opcode: 8, payload: encodeClose(1000) });
    const bare = await rawUpgrade(app.url('/desk/1'), {
      writeAfter: Buffer.concat([encodeFrame({ payload: '{"event":"tell"}' }), goodbye]),
    });
    if (!bare.upgraded) throw new Error('refused');
    expect(await bare.frames.next()).toMatchObject({ opcode: 8 });
    bare.socket.destroy();
    expect(await app.app.get(DeskGateway).late).toBe(false);
  });

  it('refuses names of the protocol, and data that is no JSON', async () => {
    await using app = await start();
    await using client = await TestClient.connect(app.url('/desk/1'));
    const connection = onlyConnection(app);
    expect(() => connection.emit('$welcome')).toThrow(expect.objectContaining({ code: 'INVALID_EVENT_NAME' }));
    expect(connection.emit('news', 1n)).toBe(false);
    expect(await client.request('row')).toMatchObject({ data: 7 });
  });

  it.each([0, 999, 1004, 1005, 1006, 1010, 1014, 1015, 2999, 5000, 1000.5, NaN, '1000'])(
    'refuses to close with %s, and stays open',
    async (code) => {
      await using app = await start();
      await using client = await TestClient.connect(app.url('/desk/1'));
      const connection = onlyConnection(app);
      // Callers in JavaScript pass anything.
      const close = (): void => {
        connection.close(code as number);
      };
      expect(close).toThrow(expect.objectContaining({ code: 'INVALID_CLOSE_CODE' }));
      expect(close).toThrow(/allowed are 1000-1003, 1007-1009, 1011-1013 and 3000-4999/);
      expect(await client.request('row')).toMatchObject({ data: 7 });
    },
  );

  it.each([
    ['one byte each', 'x'.repeat(200), 'x'.repeat(123)],
    ['two bytes each', 'é'.repeat(100), 'é'.repeat(61)],
    ['three bytes each', '語'.repeat(100), '語'.repeat(41)],
    ['four bytes each', '🦀'.repeat(100), '🦀'.repeat(30)],
    ['just enough', `${'語'.repeat(40)}abc`, `${'語'.repeat(40)}abc`],
  ])('cuts a reason of %s at a character and 123 bytes (RFC 6455 5.5)', async (_what, reason, received) => {
    await using app = await start();
    await using client = await TestClient.connect(app.url('/desk/1'));
    client.send({ event: 'close', data: [4000, reason] });
    expect(await client.closed).toEqual({ code: 4000, reason: received });
  });

  it('aborts its signal with the cause, also for who looks at it only afterwards', async () => {
    await using app = await start();
    await using first = await TestClient.connect(app.url('/desk/1'));
    const early = onlyConnection(app).signal;
    expect(early.aborted).toBe(false);
    const firstLeft = nextToLeave(registryOf(app));
    await first.close(1000, 'bye');
    const connection = await firstLeft;
    expect([early.aborted, early.reason]).toEqual([true, connection.cause]);
    expect(connection.signal).toBe(early);
    await using second = await TestClient.connect(app.url('/desk/1'));
    const secondLeft = nextToLeave(registryOf(app));
    await second.close();
    const { signal, cause } = await secondLeft;
    expect([signal.aborted, signal.reason]).toEqual([true, cause]);
  });

  it('counts what goes through it', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    clock.advance(5_000);
    await using client = await TestClient.connect(app.url('/desk/1'));
    const connection = onlyConnection(app);
    expect(connection.joinedAt).toBe(clock.wallNow());
    const before = connection.stats;
    expect(before).toMatchObject({ messagesIn: 0, messagesOut: 0, violations: 0 });
    await client.request('row');
    client.sendRaw('no json');
    await client.next('$error');
    connection.emit('news');
    await client.next('news');
    const { bytesIn, bytesOut, ...counts } = connection.stats;
    expect(counts).toEqual({ messagesIn: 2, messagesOut: 3, violations: 1 });
    // A masked frame of 7 characters, and one of 22 or more.
    expect(bytesIn - before.bytesIn).toBeGreaterThan(7 + 6 + 22 + 6);
    expect(bytesOut - before.bytesOut).toBeGreaterThan(3 * 2 + 16);
  });

  it('shows no credentials to logs', async () => {
    await using app = await start();
    const headers = { cookie: 'session=hunter2' };
    await TestClient.connect(app.url('/desk/1'), { token: 'hunter2', headers });
    const connection = onlyConnection(app);
    expect(connection.credentials).toBe('hunter2');
    expect(JSON.parse(JSON.stringify(connection))).toMatchObject({ id: connection.id, route: '/desk/:desk' });
    for (const shown of [JSON.stringify(connection), inspect(connection), inspect({ of: [connection] })]) {
      expect(shown).toContain(connection.id);
      expect(shown).not.toContain('hunter2');
    }
  });

  it('is cut when the client does not answer our goodbye in time (PROTOCOL 10.5)', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    await using proxy = await FaultProxy.start(app.port);
    await using client = await TestClient.connect(proxy.url('/desk/1'));
    await client.request('row');
    proxy.pause();
    const left = nextToLeave(app.app.get(ConnectionRegistry));
    onlyConnection(app).close(4000, 'done');
    clock.advance(4_900);
    expect(onlyConnection(app).state).toBe('draining');
    clock.advance(300);
    expect((await left).cause).toMatchObject({ code: 4000, initiator: 'server' });
  });
});
