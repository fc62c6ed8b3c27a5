import { EventEmitter } from 'node:events';
import { once } from 'node:events';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { Connection, Endpoint, HoldfastError } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { type RawData, WebSocket, WebSocketServer as WsServer } from 'ws';
import { Calls, expectNoCrash, serve, type Served } from './support/dispatch.js';

expectNoCrash();

const path = '/habits';

/** Written as for Nest's `WsAdapter`: what gateways in public repositories do with `client` and `server`. */
@WebSocketGateway({ path })
class HabitsGateway {
  @WebSocketServer()
  readonly server: Endpoint;
  readonly joined = new Calls<Connection>();
  readonly told = new Calls<unknown[]>();

  handleConnection(client: Connection): void {
    client.on('close', (code, reason) => {
      this.told.add(['close', code, reason.toString()]);
    });
    client.on('error', ({ message }) => {
      this.told.add(['error', message]);
    });
    client.once('pong', (payload) => {
      this.told.add(['pong', payload.toString()]);
    });
    this.joined.add(client);
  }

  @SubscribeMessage('direct')
  direct(@ConnectedSocket() client: Connection, @MessageBody() data: unknown): void {
    if (client.readyState === WebSocket.OPEN) client.send(JSON.stringify({ type: 'direct', data }));
  }

  @SubscribeMessage('all')
  all(@MessageBody() data: string): void {
    for (const client of this.server.clients) {
      if (client.readyState === client.OPEN) client.send(data);
    }
  }

  @SubscribeMessage('leave')
  leave(@ConnectedSocket() client: Connection): void {
    client.terminate();
  }
}

interface Habits {
  readonly served: Served;
  readonly gateway: HabitsGateway;
  readonly ws: WebSocket;
  readonly client: Connection;
}

async function habits(use: (habits: Habits) => Promise<void>): Promise<void> {
  await using served = await serve([HabitsGateway]);
  const gateway = served.get(HabitsGateway);
  const ws = new WebSocket(served.url(path));
  await Promise.all([once(ws, 'open'), gateway.joined.called(1)]);
  const [client] = gateway.joined.seen;
  if (!client) throw new Error('nobody joined');
  try {
    await use({ served, gateway, ws, client });
  } finally {
    ws.terminate();
  }
}

async function nextMessage(ws: WebSocket): Promise<{ readonly data: string; readonly isBinary: boolean }> {
  const [data, isBinary] = (await once(ws, 'message')) as [RawData, boolean];
  // Sent in one frame each, so never in parts.
  return { data: (data as Buffer).toString('latin1'), isBinary };
}

describe('code written for ws', () => {
  it('sends by client.send what it likes, when readyState says OPEN', () =>
    habits(async ({ ws }) => {
      ws.send(JSON.stringify({ event: 'direct', data: 'ä' }));
      const { data, isBinary } = await nextMessage(ws);
      expect([Buffer.from(data, 'latin1').toString(), isBinary]).toEqual(['{"type":"direct","data":"ä"}', false]);
    }));

  it('sends to all of server.clients', () =>
    habits(async ({ served, gateway, ws }) => {
      await using other = await TestClient.connect(served.url(path));
      await gateway.joined.called(2);
      expect(gateway.server.clients.size).toBe(2);
      expect(gateway.server.path).toBe(path);
      const received = nextMessage(ws);
      ws.send(JSON.stringify({ event: 'all', data: '{"event":"to","data":"all"}' }));
      expect(await other.next()).toEqual({ event: 'to', data: 'all' });
      expect((await received).data).toBe('{"event":"to","data":"all"}');
    }));

  it.each<[string, Parameters<Connection['send']>[0], { binary?: boolean }, string, boolean]>([
    ['a string', 'text', {}, 'text', false],
    ['a string as bytes', 'text', { binary: true }, 'text', true],
    ['a buffer', Buffer.from([0, 255]), {}, '\x00\xff', true],
    ['a buffer as text', Buffer.from('text'), { binary: false }, 'text', false],
    ['a typed array', new Uint16Array([0x4142]), {}, 'BA', true],
    ['a view of a part', new Uint8Array([1, 2, 3]).subarray(1), {}, '\x02\x03', true],
    ['an array buffer', new Uint8Array([7]).buffer, {}, '\x07', true],
    ['nothing', '', {}, '', false],
    ['more than 125 bytes', Buffer.alloc(126, 'a'), {}, 'a'.repeat(126), true],
    ['as much as 16 bits count', Buffer.alloc(65_535, 'b'), {}, 'b'.repeat(65_535), true],
    ['more than 16 bits count', 'c'.repeat(65_536), {}, 'c'.repeat(65_536), false],
  ])('sends %s', (_what, data, options, expected, isBinary) =>
    habits(async ({ ws, client }) => {
      const received = nextMessage(ws);
      expect(client.send(data, options)).toBe(true);
      expect(await received).toEqual({ data: expected, isBinary });
    }),
  );

  it('is called back when it was sent, and with an error when it was not', () =>
    habits(async ({ ws, client }) => {
      const sent = (): Promise<unknown> =>
        new Promise((resolve) => {
          client.send('text', resolve);
        });
      expect(await sent()).toBeUndefined();
      client.close();
      await once(ws, 'close');
      expect(await sent()).toMatchObject({ code: 'NOT_SENT' });
      expect(client.send('text')).toBe(false);
    }));

  it('is logged when its callback throws or rejects, and nothing else happens', () =>
    habits(async ({ served, client, ws }) => {
      client.send('one', () => {
        throw new Error('thrown by a callback');
      });
      const rejecting: () => unknown = () => Promise.reject(new Error('rejected by a callback'));
      client.send('two', rejecting);
      await expect.poll(() => served.log.of('error').join('\n')).toMatch(/thrown by[^]*rejected by/);
      expect(ws.readyState).toBe(WebSocket.OPEN);
    }));

  it('sees the states of a WebSocket', () =>
    habits(async ({ ws, client, gateway }) => {
      expect([client.readyState, client.OPEN, Connection.OPEN, client.bufferedAmount]).toEqual([1, 1, 1, 0]);
      expect([
        client.protocol,
        Reflect.get(client, 'extensions'),
        client.isPaused,
        Reflect.get(client, 'binaryType'),
      ]).toEqual(['', '', false, 'nodebuffer']);
      expect([client.ip, client.headers.host]).toEqual([client.handshake.ip, client.handshake.headers.host]);
      client.close(4000, Buffer.from('bytes'));
      expect(client.readyState).toBe(WebSocket.CLOSING);
      await once(ws, 'close');
      await gateway.told.called(1);
      expect(client.readyState).toBe(WebSocket.CLOSED);
      expect(gateway.told.seen).toEqual([['close', 4000, 'bytes']]);
    }));

  it('pings, and hears the answer', () =>
    habits(async ({ client, gateway }) => {
      client.ping('are you there');
      await gateway.told.called(1);
      expect(gateway.told.seen).toEqual([['pong', 'are you there']]);
      expect(client.listenerCount('pong')).toBe(0);
    }));

  it('terminates', () =>
    habits(async ({ ws, client, gateway }) => {
      ws.send('{"event":"leave"}');
      const [code] = (await once(ws, 'close')) as [number];
      await gateway.told.called(1);
      expect([code, client.readyState]).toEqual([1006, WebSocket.CLOSED]);
      expect(client.cause).toMatchObject({ code: 1006, initiator: 'server' });
    }));

  it('hears of a client that breaks the protocol, and of its end', () =>
    habits(async ({ gateway, client }) => {
      await using other = await TestClient.connect(
        client.handshake.headers.host ? `ws://${client.handshake.headers.host}${path}` : '',
      );
      other.sendRaw(Buffer.alloc(2_000_000));
      await gateway.told.called(2);
      expect(gateway.told.seen.map(([event]) => event)).toEqual(['error', 'close']);
    }));
});

describe('listeners of a connection', () => {
  it('that throw or reject are logged, and the others are called', () =>
    habits(async ({ served, client, gateway, ws }) => {
      client.on('close', () => {
        throw new Error('thrown');
      });
      client.on('close', () => Promise.reject(new Error('rejected')));
      client.addListener('close', () => {
        gateway.told.add(['last']);
      });
      ws.close(4001, 'over');
      await gateway.told.called(2);
      expect(gateway.told.seen).toEqual([['close', 4001, 'over'], ['last']]);
      expect(served.log.lines.join('\n')).toMatch(/A listener of "close" of a connection failed/);
    }));

  it('are taken back', () =>
    habits(async ({ client, gateway, ws }) => {
      const never = (): void => {
        gateway.told.add(['never']);
      };
      client.on('close', never).off('close', never).removeAllListeners('pong').once('close', never);
      client.removeListener('close', never);
      ws.close(4001);
      await gateway.told.called(1);
      expect(gateway.told.seen).toEqual([['close', 4001, '']]);
    }));
});

describe('what a connection cannot do', () => {
  it.each<[string, (client: Connection) => unknown, RegExp]>([
    ['hear messages', (client) => client.on('message' as never, () => undefined), /@SubscribeMessage/],
    ['hear other events', (client) => client.once('open' as never, () => undefined), /'close', 'error' and 'pong'/],
    ['send an object', (client) => client.send({ event: 'a' } as never), /emit\(event, data\)/],
    ['send nothing', (client) => client.send(undefined as never), /undefined/],
    ['send fragments', (client) => client.send('a', { fin: false }), /as a whole/],
    ['ping with much', (client) => client.ping('a'.repeat(126)), /125 bytes/],
    ['be given onmessage', (client) => Object.assign(client, { onmessage: () => undefined }), /@SubscribeMessage/],
  ])('%s, and says what can', (_what, use, message) =>
    habits(async ({ client }) => {
      await Promise.resolve();
      expect(() => use(client)).toThrow(HoldfastError);
      expect(() => use(client)).toThrow(message);
    }),
  );

  it('no member of a WebSocket of ws is missing: each works, or says what to use', () =>
    habits(async ({ client }) => {
      await Promise.resolve();
      expect(missingIn(client, [WebSocket.prototype, EventEmitter.prototype])).toEqual([]);
      expect(silentIn(client, [WebSocket.prototype, EventEmitter.prototype], working)).toEqual([]);
    }));

  it('no member of a WebSocketServer of ws is missing in an endpoint', () =>
    habits(async ({ gateway }) => {
      await Promise.resolve();
      const server = new WsServer({ noServer: true });
      expect(missingIn(gateway.server, [WsServer.prototype, EventEmitter.prototype, server])).toEqual([]);
      server.close();
      expect(silentIn(gateway.server, [WsServer.prototype, EventEmitter.prototype], new Set(['emit']))).toEqual([]);
      expect(() => Reflect.apply(Reflect.get(gateway.server, 'on') as () => void, gateway.server, [])).toThrow(
        /handleConnection/,
      );
    }));
});

/** What `ws` marks as private. */
const internal: ReadonlySet<string> = new Set(['setSocket', 'emitClose']);

/** Public members of `sources` that `subject` does not have. */
function missingIn(subject: object, sources: readonly object[]): string[] {
  return sources
    .flatMap((source) => Object.getOwnPropertyNames(source))
    .filter((name) => !name.startsWith('_') && !internal.has(name) && !(name in subject));
}

/** Methods that work on a connection, tested above. */
const working: ReadonlySet<string> = new Set([
  ...['addListener', 'close', 'emit', 'listenerCount', 'off', 'on', 'once', 'ping'],
  ...['removeAllListeners', 'removeListener', 'send', 'terminate'],
]);

/** Methods of `sources` that `subject` has, and that do not throw what to use instead. */
function silentIn(subject: object, sources: readonly object[], works: ReadonlySet<string>): string[] {
  return sources
    .flatMap((source) => Object.entries(Object.getOwnPropertyDescriptors(source)))
    .filter(([name, { value }]) => typeof value === 'function' && name !== 'constructor' && !name.startsWith('_'))
    .map(([name]) => name)
    .filter((name) => !internal.has(name) && !works.has(name))
    .filter(
      (name) => codeOf(() => Reflect.apply(Reflect.get(subject, name) as () => void, subject, [])) !== 'UNSUPPORTED',
    );
}

function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return error instanceof HoldfastError ? error.code : undefined;
  }
}
