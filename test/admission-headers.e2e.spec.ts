import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type AdmissionOptions, type Connection, HoldfastGateway } from '@holdfast/gateway';
import { type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { bootFailure } from './support/boot.js';
import { registryOf, secret, start } from './support/admission.js';

/** Names of the test's own headers that each part of a handshake has seen; guards see them again with each message. */
const seen = new Map<string, string[]>();
beforeEach(() => {
  seen.clear();
});

function note(who: string, headers: IncomingHttpHeaders): void {
  if (seen.has(who)) return;
  seen.set(
    who,
    Object.keys(headers).filter((name) => name.startsWith('x-')),
  );
}

@Injectable()
class NotingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    note('guard', context.switchToWs().getClient<Connection>().handshake.headers);
    return true;
  }
}

@UseGuards(NotingGuard)
@WebSocketGateway({ path: '/noted' })
class NotedGateway extends HoldfastGateway {
  override onHandshake({ handshake }: Connection, { headers }: IncomingMessage): void {
    note('onHandshake', handshake.headers);
    note('request of onHandshake', headers);
  }

  override async onConnect({ handshake }: Connection): Promise<void> {
    await Promise.resolve();
    note('onConnect', handshake.headers);
  }

  @SubscribeMessage('headers')
  headers(@ConnectedSocket() { handshake }: Connection): IncomingHttpHeaders {
    return handshake.headers;
  }
}

const long = 'a'.repeat(3_000);
const ownNames = ['x-first', 'x-second', 'x-third'];
const headers = { 'X-First': long, 'X-Second': long, 'X-Third': '3', 'User-Agent': 'test', Cookie: 'session=1' };

function startWith(admission: AdmissionOptions = {}): Promise<HoldfastTestApp> {
  return start({ gateways: [NotedGateway], options: { admission } });
}

/** What a handler sees, when the connection has long been open. */
async function keptBy(app: HoldfastTestApp, sent: Record<string, string>): Promise<IncomingHttpHeaders> {
  await using client = await TestClient.connect(app.url('/noted'), { headers: sent });
  const { data } = await client.request('headers');
  return data as IncomingHttpHeaders; // What the handler returns.
}

describe('the headers of a handshake', () => {
  it('are all kept where there are few, as a browser sends them', async () => {
    await using app = await startWith();
    const kept = await keptBy(app, { 'X-First': '1', 'User-Agent': 'test', 'Accept-Language': 'en' });
    expect(kept).toEqual({
      host: `127.0.0.1:${app.port}`,
      'x-first': '1',
      'user-agent': 'test',
      'accept-language': 'en',
    });
  });

  it.each([
    ['plain', TestClient.connect.bind(TestClient)],
    ['SDK', TestClient.connectSdk.bind(TestClient)],
  ])('are all seen by guards and hooks, and only those of the list by handlers (%s)', async (_mode, connect) => {
    await using app = await startWith();
    await using client = await connect(app.url('/noted'), { headers });
    const { data } = await client.request('headers');
    expect(data).toEqual({ host: `127.0.0.1:${app.port}`, 'user-agent': 'test' });
    expect(Object.fromEntries(seen)).toEqual({
      guard: ownNames,
      onHandshake: ownNames,
      'request of onHandshake': ownNames,
      onConnect: ownNames,
    });
    const [connection] = registryOf(app);
    expect(connection?.handshake.headers.cookie).toBeUndefined();
  });

  it('are kept in the order of the list, as far as they fit', async () => {
    const keepHeaders = ['X-Missing', 'constructor', 'X-Third', 'x-second', 'X-FIRST', 'User-Agent'];
    await using app = await startWith({ headerBytes: 3_100, keepHeaders });
    expect(await keptBy(app, headers)).toEqual({ 'x-third': '3', 'x-second': long, 'user-agent': 'test' });
  });

  it('are counted to the byte', async () => {
    const sent = { Host: 'x', 'X-First': '1' };
    const { length } = JSON.stringify(Object.entries({ host: 'x', 'x-first': '1' }));
    await using roomy = await startWith({ headerBytes: length });
    expect(await keptBy(roomy, sent)).toEqual({ host: 'x', 'x-first': '1' });
    await using tight = await startWith({ headerBytes: length - 1 });
    expect(await keptBy(tight, sent)).toEqual({ host: 'x' });
  });

  it.each([
    [0, {}],
    [Infinity, { 'x-first': long, 'x-second': long, 'x-third': '3', 'user-agent': 'test' }],
  ])('are kept as admission.headerBytes says: %d', async (headerBytes, expected) => {
    await using app = await startWith({ headerBytes });
    const { host, ...kept } = await keptBy(app, headers);
    expect(kept).toEqual(expected);
    expect(host === undefined).toBe(headerBytes === 0);
  });

  it('that are credentials can be read by name, and are not listed, also when they are kept by the list', async () => {
    await using app = await startWith({ keepHeaders: ['cookie'] });
    await using client = await TestClient.connect(app.url('/noted'), { headers });
    expect((await client.request('headers')).data).toEqual({});
    const [connection] = registryOf(app);
    expect(connection?.handshake.headers.cookie).toBe('session=1');
    expect(Object.isFrozen(connection?.handshake.headers)).toBe(true);
  });

  it('of a connection that has ended take no more room than those of one that is open', async () => {
    await using app = await startWith();
    const left = new Promise<Connection>((resolve) => registryOf(app).on('left', resolve));
    const client = await TestClient.connect(app.url('/noted'), { headers, protocols: ['holdfast.v1.json'] });
    client.terminate();
    expect(Object.keys((await left).handshake.headers)).toEqual(['host', 'user-agent']);
  });

  it.each([
    [{ headerBytes: -1 }, /admission\.headerBytes must be a whole number not less than 0, or Infinity/],
    [{ keepHeaders: ['a b'] }, /admission\.keepHeaders must be a list of header names/],
    [{ keepHeaders: 'host' }, /admission\.keepHeaders must be a list of header names/],
  ])('are not kept as %j says', async (admission, message) => {
    // Options come untyped, too.
    const failure = await bootFailure({ options: { admission: admission as AdmissionOptions } });
    expect(failure).toMatchObject({ code: 'INVALID_OPTIONS', message: expect.stringMatching(message) as string });
  });
});

it('a query is handed on as it was sent, without the token', async () => {
  const auth = { secret, queryParameter: 'token' };
  await using app = await start({ gateways: [NotedGateway], options: { auth } });
  await using client = await TestClient.connect(app.url('/noted?a=1&%74oken=x&b=%22+2&token=y&a=3&'));
  await client.request('headers');
  const [connection] = registryOf(app);
  expect([...(connection?.handshake.query ?? [])]).toEqual([
    ['a', '1'],
    ['b', '" 2'],
    ['a', '3'],
  ]);
});
