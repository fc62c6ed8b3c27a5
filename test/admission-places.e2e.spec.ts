import type { IncomingMessage } from 'node:http';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { UseGuards } from '@nestjs/common';
import { Authenticator, AuthGuard, type Connection, HoldfastGateway, type Principal } from '@holdfast/gateway';
import { type HoldfastTestApp, rawUpgrade, type RawUpgradeOptions, TestClient } from '@holdfast/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { countersOf, deserted, granted, refused, start } from './support/admission.js';
import { LogRecorder } from './support/log-recorder.js';

const maxConnections = 3;
const admission = {
  maxConnections,
  maxConnectionsPerIp: Infinity,
  handshakeRate: { limit: Infinity, windowMs: 1_000 },
};

@WebSocketGateway({ path: '/open' })
class OpenGateway {
  @SubscribeMessage('hello')
  hello(): string {
    return 'hello';
  }
}

function startOpen(): Promise<HoldfastTestApp> {
  return start({ gateways: [OpenGateway], options: { admission } });
}

/** Exactly so many connections fit as there are places. */
async function expectAllPlacesFree(app: HoldfastTestApp, path: string): Promise<void> {
  await deserted(app);
  const all = [];
  for (let place = 0; place < maxConnections; place++) all.push(await granted(app.url(path)));
  expect(await refused(app.url(path))).toMatchObject({ status: 503, code: 'TOO_MANY_CONNECTIONS' });
  for (const { socket } of all) socket.destroy();
  await deserted(app);
}

describe('a header that only looks right', () => {
  it.each([
    ['Upgrade: websocket with a no-break space', { Upgrade: 'websocket\xa0' }, 426, 'UPGRADE_REQUIRED'],
    ['Upgrade: websocket after a no-break space', { Upgrade: '\xa0websocket' }, 426, 'UPGRADE_REQUIRED'],
    ['a subprotocol with a no-break space', { 'Sec-WebSocket-Protocol': 'holdfast.plain\xa0' }, 400, 'BAD_HANDSHAKE'],
  ])('%s takes no place', async (_name, headers: RawUpgradeOptions['headers'], status, code) => {
    await using app = await startOpen();
    for (let round = 0; round <= maxConnections; round++) {
      expect(await refused(app.url('/open'), { headers })).toMatchObject({ status, code });
    }
    expect(countersOf(app).get('refused', code)).toBe(maxConnections + 1);
    await expectAllPlacesFree(app, '/open');
  });
});

/** Values around those that are right. Node hands them on as Latin-1, without the spaces and tabs at their ends. */
const headerValues: Readonly<Record<string, readonly string[]>> = {
  Upgrade: ['websocket', 'WebSocket', 'h2c'],
  Connection: ['Upgrade', 'keep-alive, Upgrade'],
  'Sec-WebSocket-Key': ['dGhlIHNhbXBsZSBub25jZQ==', 'AAAAAAAAAAAAAAAAAAAAAA=='],
  'Sec-WebSocket-Version': ['13', '8', '013', '13.0', '0x0d', '1.3e1'],
  'Sec-WebSocket-Protocol': ['holdfast.plain', 'holdfast.v1.json', 'bearer.x, holdfast.plain'],
  'Sec-WebSocket-Extensions': ['permessage-deflate', 'permessage-deflate; server_max_window_bits=7'],
};
const oddCharacter = fc.oneof(
  fc.constantFrom('\t', ' ', '\x85', '\xa0'),
  fc.constantFrom(...'\x7f\x80\xad\xb5\xdf\xff,;="\\0aAzZ/+-_'.split('')),
);
/** Most often at an end, where one side trims and the other perhaps does not. */
const insertion = fc.tuple(fc.oneof(fc.constantFrom(0, Infinity), fc.nat(30)), oddCharacter);

const header = fc.constantFrom(...Object.entries(headerValues)).chain(([name, values]) =>
  fc
    .tuple(fc.constantFrom(...values), fc.array(insertion, { maxLength: 2 }))
    .map(([value, insertions]) => insertions.reduce(insert, value))
    .chain((value) => fc.constantFrom(value, value, value, undefined, [value, ...values.slice(0, 1)]))
    .map((value): [string, string | string[] | undefined] => [name, value]),
);
const handshake = fc.array(header, { minLength: 1, maxLength: 3 }).map((headers) => Object.fromEntries(headers));

function insert(text: string, [at, character]: [number, string]): string {
  return text.slice(0, at) + character + text.slice(at);
}

describe('handshakes with any headers that Node lets through', () => {
  it('are granted or refused in JSON, and those that are refused take no place', async () => {
    await using app = await startOpen();
    await fc.assert(
      fc.asyncProperty(fc.array(handshake, { minLength: 1, maxLength: 2 * maxConnections }), async (attempts) => {
        for (const headers of attempts) {
          const answer = await rawUpgrade(app.url('/open'), { headers });
          if (answer.upgraded) {
            answer.socket.destroy();
            await deserted(app);
          }
          // The parser of Node answers without a body where it has the last word.
          else expect(answer.headers['content-type'] ?? 'application/json').toMatch(/^application\/json/);
        }
        await expectAllPlacesFree(app, '/open');
      }),
      // A place that is lost stays lost, so that no smaller example could be told from it.
      { numRuns: 200, endOnFailure: true },
    );
  });
});

/** Hooks are given the request itself, and may do to it what no check of ours can foresee. */
type Mischief = (request: IncomingMessage) => void;

function startWith(mischief: Mischief, logger?: LogRecorder): Promise<HoldfastTestApp> {
  @WebSocketGateway({ path: '/spoilt' })
  class SpoiltGateway extends HoldfastGateway {
    override onHandshake({ handshake }: Connection, request: IncomingMessage): void {
      if (handshake.query.has('spoil')) mischief(request);
    }
  }
  return start({ gateways: [SpoiltGateway], options: { admission }, logger });
}

describe('what ws refuses after our checks', () => {
  it.each<[string, Mischief]>([
    ['another Upgrade', ({ headers }) => (headers.upgrade = 'h2c')],
    ['no Upgrade', ({ headers }) => delete headers.upgrade],
    ['another key', ({ headers }) => (headers['sec-websocket-key'] = 'x')],
    ['another version', ({ headers }) => (headers['sec-websocket-version'] = '7')],
    ['another method', (request) => (request.method = 'POST')],
  ])('is answered in our JSON, counted, and takes no place: %s', async (_name, mischief) => {
    await using app = await startWith(mischief);
    for (let round = 0; round <= maxConnections; round++) {
      const answer = await refused(app.url('/spoilt?spoil'));
      expect(answer).toMatchObject({ status: 400, code: 'BAD_HANDSHAKE' });
    }
    expect(countersOf(app).get('refused', 'BAD_HANDSHAKE')).toBe(maxConnections + 1);
    await expectAllPlacesFree(app, '/spoilt');
  });

  it('because the hook has closed the socket takes no place', async () => {
    await using app = await startWith(({ socket }) => socket.destroy());
    for (let round = 0; round <= maxConnections; round++) {
      await expect(rawUpgrade(app.url('/spoilt?spoil'))).rejects.toThrow();
    }
    expect(countersOf(app).get('refused', 'BAD_HANDSHAKE')).toBe(maxConnections + 1);
    await expectAllPlacesFree(app, '/spoilt');
  });

  it('because the hook has upgraded the socket itself takes no place, and is its own from then on', async () => {
    const theirs = new WebSocketServer({ noServer: true });
    await using app = await startWith((request) => {
      theirs.handleUpgrade(request, request.socket, Buffer.alloc(0), (ws) => {
        ws.send('{"event":"mine"}');
      });
    });
    for (let round = 0; round <= maxConnections; round++) {
      await using client = await TestClient.connect(app.url('/spoilt?spoil'));
      expect(await client.next('mine')).toEqual({ event: 'mine' });
    }
    await expectAllPlacesFree(app, '/spoilt');
  });
});

/** Gives what its type does not allow, as an authenticator without types may. */
class CarelessAuthenticator extends Authenticator {
  override authenticate(token: string): Principal {
    const expiresAt: unknown = token === 'careless' ? 4_102_444_800_000n : Infinity;
    return { subject: 'ada', expiresAt, claims: {} } as Principal;
  }
}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/careless' })
class CarelessGateway {}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/careless-hook' })
class CarelessHookGateway {
  async handleConnection(): Promise<void> {}
}

describe('a fault after the 101', () => {
  const options = { admission, authenticator: CarelessAuthenticator };
  const headers = { Authorization: 'Bearer careless' };

  it.each(['/careless', '/careless-hook'])('closes the connection with 4500 and takes no place (%s)', async (path) => {
    const logger = new LogRecorder();
    await using app = await start({ gateways: [CarelessGateway, CarelessHookGateway], options, logger });
    for (let round = 0; round <= maxConnections; round++) {
      const plain = await TestClient.connect(app.url(path), { headers });
      expect(await plain.closed).toMatchObject({ code: 4500 });
      const sdk = await TestClient.connect(app.url(path), { headers, protocols: ['holdfast.v1.json'] });
      sdk.send({ event: '$hello' });
      expect(await sdk.closed).toMatchObject({ code: 4500 });
    }
    await deserted(app);
    const all = await Promise.all(
      Array.from({ length: maxConnections }, () => TestClient.connect(app.url(path), { token: 'careful' })),
    );
    for (const client of all) client.terminate();
    expect(logger.of('error').join()).toContain('A connection could not be set up');
    expect(logger.of('warn')).toEqual([]);
  });
});
