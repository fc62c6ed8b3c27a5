import { UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, ConnectionRegistry, Counters, Principal, Public } from '@holdfast/gateway';
import { type HoldfastTestApp, ManualClock, TestClient } from '@holdfast/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { boot, nextToLeave, onlyConnection, registryOf } from './support/boot.js';
import { SECRET, tokenOf, tokenUntil } from './support/tokens.js';

const minute = 60_000;

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/safe' })
class SafeGateway {
  @SubscribeMessage('who')
  who(@Principal('claims') claims: Record<string, unknown>): unknown {
    return claims;
  }
}

@Public()
@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/open' })
class OpenGateway {}

let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock();
});

/** A token that ends so many milliseconds from now. */
const lasting = (ms: number, sub = 'ada'): Promise<string> => tokenUntil(sub, clock.wallNow(), ms);

function start(expiry: { refreshAheadMs?: number; expiryGraceMs?: number } = {}): Promise<HoldfastTestApp> {
  const options = { auth: { secret: SECRET, ...expiry }, heartbeat: { intervalMs: 0 } };
  return boot({ options, clock, providers: [SafeGateway, OpenGateway] });
}

async function connectSdk(app: HoldfastTestApp, token: string): Promise<TestClient> {
  return TestClient.connectSdk(app.url('/safe'), { token });
}

describe('an SDK client', () => {
  it('is asked ahead of the expiry, and stays as long as its fresh token (PROTOCOL 9.2 to 9.4)', async () => {
    await using app = await start();
    await using client = await connectSdk(app, await lasting(10 * minute));
    clock.advance(9 * minute - 1);
    expect(await client.request('who')).toMatchObject({ event: '$reply' });
    expect(client.waiting).toEqual([]);
    clock.advance(200);
    const asked = await client.next();
    const { expiresInMs } = asked.data as { expiresInMs: number };
    expect(asked.event).toBe('$refresh');
    expect(expiresInMs).toBeGreaterThan(minute - 300);
    expect(expiresInMs).toBeLessThanOrEqual(minute);

    const answer = await client.request('$refresh', { token: await lasting(20 * minute) });
    expect(answer).toMatchObject({ event: '$reply', data: { expiresInMs: 20 * minute } });
    clock.advance(18 * minute);
    expect(await client.request('who')).toMatchObject({ event: '$reply' });
    expect(client.waiting).toEqual([]);
    clock.advance(minute + 200);
    expect(await client.next()).toMatchObject({ event: '$refresh' });
    clock.advance(minute + 25_000);
    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  it('may send a fresh token unasked and without an id (PROTOCOL 9.3)', async () => {
    await using app = await start();
    await using client = await connectSdk(app, await lasting(10 * minute));
    client.send({ event: '$refresh', data: { token: await tokenOf('ada', { step: 2 }) } });
    expect(await client.next()).toEqual({ event: '$reply', data: { expiresInMs: null } });
    expect(await client.request('who')).toMatchObject({ data: { step: 2 } });
    clock.advance(100 * minute);
    expect(await client.request('who')).toMatchObject({ data: { step: 2 } });
    expect(client.waiting).toEqual([]);
  });

  it('that sends the token of somebody else is refused and closed with 4401 (PROTOCOL 9.5)', async () => {
    await using app = await start();
    await using client = await connectSdk(app, await lasting(10 * minute));
    const refreshing = client.request('$refresh', { token: await lasting(10 * minute, 'eve') });
    await expect(refreshing).rejects.toMatchObject({ code: 'REFRESH_REFUSED' });
    expect(await client.closed).toMatchObject({ code: 4401 });
    expect(app.app.get(Counters).get('error', 'REFRESH_REFUSED')).toBe(1);
  });

  it('that came as a stranger cannot become somebody by a refresh (PROTOCOL 9.5)', async () => {
    await using app = await start();
    await using client = await TestClient.connectSdk(app.url('/open'));
    const refreshing = client.request('$refresh', { token: await lasting(10 * minute) });
    await expect(refreshing).rejects.toMatchObject({ code: 'REFRESH_REFUSED' });
    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  it.each([
    ['an expired token', () => lasting(-minute), 'TOKEN_EXPIRED'],
    ['a forged token', () => Promise.resolve('a.b.c'), 'UNAUTHORIZED'],
  ])('that sends %s hears so, and the old token still counts (PROTOCOL 9.4)', async (_what, token, code) => {
    await using app = await start();
    await using client = await connectSdk(app, await lasting(10 * minute));
    await expect(client.request('$refresh', { token: await token() })).rejects.toMatchObject({ code });
    expect(await client.request('who')).toMatchObject({ data: { sub: 'ada' } });
    expect(onlyConnection(app).stats.violations).toBe(0);
    clock.advance(10 * minute + 25_200);
    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  it('that sends no token has sent a malformed frame (PROTOCOL 6.6)', async () => {
    await using app = await start();
    await using client = await connectSdk(app, await lasting(10 * minute));
    await expect(client.request('$refresh', {})).rejects.toMatchObject({ code: 'MALFORMED_FRAME' });
    expect(onlyConnection(app).stats.violations).toBe(1);
  });

  it('with a token that is shorter than the time ahead is asked at half of its life', async () => {
    await using app = await start({ refreshAheadMs: minute });
    await using client = await connectSdk(app, await lasting(20_000));
    clock.advance(9_000);
    expect(await client.request('who')).toMatchObject({ event: '$reply' });
    expect(client.waiting).toEqual([]);
    clock.advance(1_200);
    expect(await client.next()).toMatchObject({ event: '$refresh' });
  });
});

describe('a plain client', () => {
  it('is served until expiry plus grace, then closed with 4401 and without notice (PROTOCOL 9.6)', async () => {
    await using app = await start({ expiryGraceMs: 30_000 });
    await using client = await TestClient.connect(app.url('/safe'), { token: await lasting(10 * minute) });
    clock.advance(10 * minute + 29_000);
    expect(await client.request('who')).toMatchObject({ data: { sub: 'ada' } });
    const left = nextToLeave(registryOf(app));
    clock.advance(1_200);
    expect(await client.closed).toEqual({ code: 4401, reason: 'the token has expired' });
    expect(client.waiting).toEqual([]);
    await left;
    expect(app.app.get(Counters).get('closed', 'UNAUTHORIZED')).toBe(1);
  });

  it('without an expiry stays', async () => {
    await using app = await start();
    await using client = await TestClient.connect(app.url('/safe'), { token: await tokenOf('ada') });
    clock.advance(10_000 * minute);
    expect(await client.request('who')).toMatchObject({ data: { sub: 'ada' } });
  });

  it('may not refresh (PROTOCOL 5.2)', async () => {
    await using app = await start();
    await using client = await TestClient.connect(app.url('/safe'), { token: await lasting(10 * minute) });
    const refreshing = client.request('$refresh', { token: await lasting(20 * minute) });
    await expect(refreshing).rejects.toMatchObject({ code: 'RESERVED_EVENT' });
  });
});

describe('a principal whose access is withdrawn', () => {
  it('loses all its connections with 4410, in both modes, and nobody else does', async () => {
    await using app = await start();
    const url = app.url('/safe');
    const [ada, bob] = await Promise.all(['ada', 'bob'].map((sub) => lasting(10 * minute, sub)));
    await using plain = await TestClient.connect(url, { token: ada ?? '' });
    await using sdk = await TestClient.connectSdk(url, { token: ada ?? '' });
    await using other = await TestClient.connect(url, { token: bob ?? '' });
    const registry = app.app.get(ConnectionRegistry);
    expect(registry.disconnectPrincipal('ada')).toBe(2);
    expect(registry.disconnectPrincipal('ada')).toBe(0);
    expect(await plain.closed).toEqual({ code: 4410, reason: 'access was withdrawn' });
    expect(await sdk.closed).toMatchObject({ code: 4410 });
    expect(await other.request('who')).toMatchObject({ data: { sub: 'bob' } });
    expect([registry.ofPrincipal('ada').size, registry.ofPrincipal('bob').size, registry.size]).toEqual([0, 1, 1]);
  });
});
