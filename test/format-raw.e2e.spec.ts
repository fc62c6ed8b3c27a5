import { once } from 'node:events';
import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { ConnectedSocket, MessageBody, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, ConnectionRegistry, RateLimit, RawMessage } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { from, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Calls, expectNoCrash, gate, serve, type Served } from './support/dispatch.js';

expectNoCrash();

const path = '/raw';

@Injectable()
class NoSecrets implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToWs().getData() !== 'secret';
  }
}

/** A relay of frames, as a CRDT or a charging station needs it. */
@UseGuards(NoSecrets)
@WebSocketGateway({ path, format: 'raw', subprotocols: ['ocpp1.6', 'ocpp2.0.1'] })
class RawGateway {
  readonly frames = new Calls<unknown>();
  readonly heard = new Calls<unknown>();
  readonly joined = new Calls<Connection>();
  readonly held = gate();

  handleConnection(client: Connection): void {
    client.on('message', (data, isBinary) => {
      this.heard.add([data.toString('latin1'), isBinary]);
    });
    this.joined.add(client);
  }

  @RateLimit({ limit: 100, windowMs: 60_000 })
  @RawMessage()
  async message(
    @MessageBody() frame: string | Buffer,
    @ConnectedSocket() client: Connection,
  ): Promise<string | Buffer | undefined | Observable<string> | object> {
    this.frames.add(frame);
    if (frame === 'hold') await this.held.promise;
    if (frame === 'fail') throw new Error('a bug');
    if (frame === 'object') return { no: 'frame' };
    if (frame === 'stream') return from(['one', 'two']);
    if (frame === 'protocol') return client.protocol;
    if (frame === 'quiet') return undefined;
    return frame;
  }
}

interface Raw {
  readonly served: Served;
  readonly gateway: RawGateway;
  readonly ws: WebSocket;
  next(): Promise<string>;
}

async function raw(use: (raw: Raw) => Promise<void>, protocols: string[] = []): Promise<void> {
  await using served = await serve([RawGateway, NoSecrets]);
  const gateway = served.get(RawGateway);
  const ws = new WebSocket(served.url(path), protocols);
  const waiting: string[] = [];
  const arrived = new Calls<string>();
  ws.on('message', (data: Buffer, isBinary) => {
    const frame = `${isBinary ? 'binary' : 'text'} ${data.toString('latin1')}`;
    waiting.push(frame);
    arrived.add(frame);
  });
  let taken = 0;
  const next = async (): Promise<string> => {
    await arrived.called(++taken);
    return waiting[taken - 1] ?? '';
  };
  try {
    await once(ws, 'open');
    await use({ served, gateway, ws, next });
  } finally {
    gateway.held.open();
    ws.terminate();
  }
}

describe('the format "raw"', () => {
  it('hands frames whole to its handler, and sends what that returns', () =>
    raw(async ({ ws, gateway, next }) => {
      ws.send('any text {"event": "fence"}');
      ws.send(Buffer.from([0, 1, 255]));
      ws.send('');
      expect([await next(), await next(), await next()]).toEqual([
        'text any text {"event": "fence"}',
        'binary \x00\x01\xff',
        'text ',
      ]);
      expect(gateway.frames.seen).toEqual(['any text {"event": "fence"}', Buffer.from([0, 1, 255]), '']);
    }));

  it('tells listeners of "message" of each frame', () =>
    raw(async ({ ws, gateway }) => {
      ws.send('text');
      ws.send(Buffer.from([255]));
      await gateway.heard.called(2);
      expect(gateway.heard.seen).toEqual([
        ['text', false],
        ['\xff', true],
      ]);
    }));

  it('tells listeners that an asynchronous connection hook adds of frames that came before it', async () => {
    @WebSocketGateway({ path, format: 'raw' })
    class LateGateway {
      readonly begun = gate();
      readonly held = gate();
      readonly heard = new Calls<string>();

      async handleConnection(client: Connection): Promise<void> {
        this.begun.open();
        await this.held.promise;
        client.on('message', (data) => {
          this.heard.add(data.toString());
        });
      }
    }
    await using served = await serve([LateGateway]);
    const gateway = served.get(LateGateway);
    const ws = new WebSocket(served.url(path));
    await Promise.all([once(ws, 'open'), gateway.begun.promise]);
    for (const frame of ['one', 'two']) ws.send(frame);
    ws.ping();
    await once(ws, 'pong');
    gateway.held.open();
    await gateway.heard.called(2);
    expect(gateway.heard.seen).toEqual(['one', 'two']);
    ws.terminate();
  });

  it('keeps the order of frames, those that wait included', () =>
    raw(async ({ ws, gateway, next }) => {
      ws.send('hold');
      for (let index = 0; index < 20; index++) ws.send(Buffer.alloc(3_000, index));
      await gateway.frames.called(1);
      gateway.held.open();
      expect(await next()).toBe('text hold');
      for (let index = 0; index < 20; index++)
        expect(await next()).toBe(`binary ${String.fromCharCode(index).repeat(3_000)}`);
    }));

  it('sends each value of an observable, and nothing for undefined', () =>
    raw(async ({ ws, next }) => {
      ws.send('quiet');
      ws.send('stream');
      ws.send('last');
      expect([await next(), await next(), await next()]).toEqual(['text one', 'text two', 'text last']);
    }));

  it('runs guards and rate limits, and tells the client of no error', () =>
    raw(async ({ served, ws, next }) => {
      for (const frame of ['secret', 'fail', 'object', 'last']) ws.send(frame);
      expect(await next()).toBe('text last');
      expect([
        served.counters.get('error', 'FORBIDDEN'),
        served.counters.get('error', 'INTERNAL'),
        served.counters.get('error', 'UNENCODABLE'),
      ]).toEqual([1, 1, 1]);
      expect(served.log.of('error').join('\n')).toMatch(/a bug[^]*returns a string, a Uint8Array or nothing/);
    }));

  it('has no events to emit, and says so', () =>
    raw(async ({ served, gateway }) => {
      await gateway.joined.called(1);
      const [client] = served.get(ConnectionRegistry);
      expect(() => client?.emit('event')).toThrow(/the format "raw".*send\(\)/);
    }));

  it('agrees on a subprotocol of the application', () =>
    raw(
      async ({ ws, next }) => {
        ws.send('protocol');
        expect([ws.protocol, await next()]).toEqual(['ocpp2.0.1', 'text ocpp2.0.1']);
      },
      ['unknown', 'ocpp2.0.1', 'ocpp1.6'],
    ));

  it('does not serve SDK clients, and names what it speaks', async () => {
    await using served = await serve([RawGateway, NoSecrets]);
    const refused = TestClient.connect(served.url(path), { protocols: ['holdfast.v1.json'] });
    await expect(refused).rejects.toThrow(/ocpp1\.6 or ocpp2\.0\.1 or holdfast\.plain/);
  });
});
