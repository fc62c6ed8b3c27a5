import { WebSocketGateway } from '@nestjs/websockets';
import { type Connection, Counters, type DisconnectCause, HoldfastGateway } from '@holdfast/gateway';
import {
  encodeClose,
  encodeFrame,
  FaultProxy,
  type HoldfastTestApp,
  ManualClock,
  rawUpgrade,
  TestClient,
} from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot, nextToLeave, onlyConnection, registryOf } from './support/boot.js';

@WebSocketGateway({ path: '/' })
class PlainGateway extends HoldfastGateway {
  readonly causes: DisconnectCause[] = [];

  override onDisconnect(_connection: Connection, cause: DisconnectCause): void {
    this.causes.push(cause);
  }
}

/** Lets `end` end the only connection, and resolves with the cause that the gateway was told. */
async function causeOf(app: HoldfastTestApp, end: () => unknown): Promise<DisconnectCause | undefined> {
  const left = nextToLeave(registryOf(app));
  await end();
  const connection = await left;
  const { causes } = app.app.get(PlainGateway);
  expect(causes).toEqual([connection.cause]);
  expect(app.app.get(Counters).get('closed', connection.cause?.name ?? '')).toBe(1);
  return connection.cause;
}

const start = (): Promise<HoldfastTestApp> => boot({ providers: [PlainGateway] });

describe('the cause of a disconnect', () => {
  it('is what the client says', async () => {
    await using app = await start();
    await using client = await TestClient.connect(app.url());
    expect(await causeOf(app, () => client.close(4321, 'had enough'))).toEqual({
      code: 4321,
      name: 'APPLICATION',
      reason: 'had enough',
      initiator: 'client',
    });
  });

  it('is NO_STATUS for a client that closes without a code', async () => {
    await using app = await start();
    const bare = await rawUpgrade(app.url());
    if (!bare.upgraded) throw new Error('refused');
    const cause = await causeOf(app, () => bare.socket.end(encodeFrame({ opcode: 8 })));
    expect(cause).toEqual({ code: 1005, name: 'NO_STATUS', reason: '', initiator: 'client' });
  });

  it('is the network for a client that vanishes', async () => {
    await using app = await start();
    await using client = await TestClient.connect(app.url());
    const cause = await causeOf(app, () => {
      client.terminate();
    });
    expect(cause).toMatchObject({ code: 1006, name: 'ABNORMAL', initiator: 'network' });
  });

  it('is the network with the error of its socket for a client that is reset', async () => {
    await using app = await start();
    await using proxy = await FaultProxy.start(app.port);
    await TestClient.connect(proxy.url());
    const cause = await causeOf(app, () => {
      proxy.reset();
    });
    expect(cause).toEqual({
      code: 1006,
      name: 'ABNORMAL',
      reason: '',
      initiator: 'network',
      socketError: 'ECONNRESET',
    });
  });

  it('is what the server says', async () => {
    await using app = await start();
    await TestClient.connect(app.url());
    const cause = await causeOf(app, () => {
      onlyConnection(app).close(1011, 'out of order');
    });
    expect(cause).toEqual({ code: 1011, name: 'INTERNAL', reason: 'out of order', initiator: 'server' });
  });

  it('stays what the server says when the client says something, too (PROTOCOL 11.9)', async () => {
    await using app = await start();
    const bare = await rawUpgrade(app.url());
    if (!bare.upgraded) throw new Error('refused');
    const cause = await causeOf(app, async () => {
      onlyConnection(app).close(4000, 'first');
      await bare.frames.next();
      bare.socket.end(encodeFrame({ opcode: 8, payload: encodeClose(4999, 'second') }));
    });
    expect(cause).toEqual({ code: 4000, name: 'APPLICATION', reason: 'first', initiator: 'server' });
  });

  it.each([
    ['INVALID_TEXT', 1007, encodeFrame({ payload: Buffer.from([0xc3, 0x28]) })],
    ['PROTOCOL_ERROR', 1002, encodeFrame({ payload: '{}', mask: false })],
    ['TOO_BIG', 1009, encodeFrame({ payload: Buffer.alloc(300_000, 'x') })],
  ])(
    'is %s for a client that breaks RFC 6455 so, and counts as a violation (PROTOCOL 3.10)',
    async (name, code, frame) => {
      await using app = await start();
      const bare = await rawUpgrade(app.url());
      if (!bare.upgraded) throw new Error('refused');
      const connection = onlyConnection(app);
      const cause = await causeOf(app, () => bare.socket.write(frame));
      expect(cause).toMatchObject({ code, name, initiator: 'server' });
      expect(connection.stats.violations).toBe(1);
      bare.socket.destroy();
    },
  );

  it('is HEARTBEAT_LOST for a client that fell silent', async () => {
    const clock = new ManualClock();
    await using app = await boot({ clock, providers: [PlainGateway], options: { heartbeat: { intervalMs: 1_000 } } });
    await using proxy = await FaultProxy.start(app.port);
    await TestClient.connect(proxy.url());
    proxy.pause();
    const cause = await causeOf(app, async () => {
      // Between beats the server must have had a chance to read.
      for (let second = 0; second < 4; second++) {
        clock.advance(1_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    expect(cause).toMatchObject({ code: 4504, name: 'HEARTBEAT_LOST', initiator: 'server' });
  });

  it('is SERVICE_RESTART when the application closes', async () => {
    const app = await start();
    await using client = await TestClient.connect(app.url());
    expect(await causeOf(app, () => app.close())).toMatchObject({ code: 1012, initiator: 'server' });
    expect(await client.closed).toMatchObject({ code: 1012 });
  });
});
