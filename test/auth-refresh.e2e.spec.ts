import { EventEmitter, once } from 'node:events';
import { Injectable, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Authenticator, AuthenticatorUnavailableError, AuthGuard, HoldfastModule, Principal } from '@holdfast/gateway';
import { type HoldfastTestApp, ManualClock, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot, nextToLeave, onlyConnection, registryOf } from './support/boot.js';

type Settle = (outcome: Principal | Error) => void;

/** Tokens are names; those that begin with "slow-" are decided by the test. */
@Injectable()
class SlowAuthenticator extends Authenticator {
  readonly asked = new EventEmitter<{ slow: [settle: Settle] }>();

  override authenticate(token: string): Promise<Principal> {
    if (token === 'away') return Promise.reject(new AuthenticatorUnavailableError('the user store is away'));
    if (token === 'broken') return Promise.reject(new Error('password of the user store is wrong'));
    if (!token.startsWith('slow-')) return Promise.resolve(principalOf(token));
    return new Promise((resolve, reject) => {
      this.asked.emit('slow', (outcome) => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
    });
  }
}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/safe' })
class SafeGateway {
  @SubscribeMessage('version')
  version(@Principal('claims') claims: Record<string, unknown>): unknown {
    return claims['version'];
  }
}

const clock = new ManualClock();

const principalOf = (subject: string, version = 1): Principal => ({
  subject,
  expiresAt: Infinity,
  claims: { version },
});

function start(): Promise<HoldfastTestApp> {
  const options = { heartbeat: { intervalMs: 0 }, admission: { handshakeTimeoutMs: 5_000 } };
  const holdfast = HoldfastModule.forRoot({ ...options, authenticator: SlowAuthenticator });
  return boot({ holdfast, clock, providers: [SafeGateway] });
}

/** Sends a fresh token that the authenticator cannot decide about, and resolves when it has begun to. */
async function refreshSlowly(app: HoldfastTestApp, client: TestClient): Promise<Settle> {
  // The provider behind the abstract class is the one that the module was given.
  const { asked } = app.app.get<SlowAuthenticator>(Authenticator);
  const begun = once(asked, 'slow');
  client.send({ event: '$refresh', id: 'slow', data: { token: 'slow-ada' } });
  // What `authenticate` emits above.
  const [settle] = (await begun) as [Settle];
  return settle;
}

describe('a refresh under way', () => {
  it('is the only one: another is answered RATE_LIMITED, and cannot be overtaken by it (PROTOCOL 9.4)', async () => {
    await using app = await start();
    await using client = await TestClient.connectSdk(app.url('/safe'), { token: 'ada' });
    const settle = await refreshSlowly(app, client);
    await expect(client.request('$refresh', { token: 'ada' })).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    settle(principalOf('ada', 2));
    expect(await client.next()).toEqual({ event: '$reply', id: 'slow', data: { expiresInMs: null } });
    expect(await client.request('version')).toMatchObject({ data: 2 });
    expect(await client.request('$refresh', { token: 'ada' })).toMatchObject({ event: '$reply' });
    expect(await client.request('version')).toMatchObject({ data: 1 });
  });

  it('that is not decided in time is answered UNAVAILABLE, and the next may begin', async () => {
    await using app = await start();
    await using client = await TestClient.connectSdk(app.url('/safe'), { token: 'ada' });
    const settle = await refreshSlowly(app, client);
    clock.advance(5_200);
    expect(await client.next()).toMatchObject({ event: '$error', id: 'slow', data: { code: 'UNAVAILABLE' } });
    settle(principalOf('ada', 2));
    expect(await client.request('$refresh', { token: 'ada' })).toMatchObject({ event: '$reply' });
    expect(await client.request('version')).toMatchObject({ data: 1 });
  });

  it.each([
    ['success', principalOf('ada', 2)],
    ['failure', new Error('too late to matter')],
  ])('when its connection closes ends in %s without effect', async (_what, outcome) => {
    await using app = await start();
    await using client = await TestClient.connectSdk(app.url('/safe'), { token: 'ada' });
    const settle = await refreshSlowly(app, client);
    const left = nextToLeave(registryOf(app));
    client.terminate();
    const connection = await left;
    settle(outcome);
    await using next = await TestClient.connectSdk(app.url('/safe'), { token: 'ada' });
    expect(await next.request('version')).toMatchObject({ data: 1 });
    expect([...registryOf(app).ofPrincipal('ada')]).toEqual([onlyConnection(app)]);
    expect(connection.state).toBe('closed');
  });
});

describe('a refresh', () => {
  it.each([
    ['away', 'UNAVAILABLE'],
    ['broken', 'INTERNAL'],
  ])('is answered by what the authenticator says (%s), and nothing of why (PROTOCOL 7.3, 9.4)', async (token, code) => {
    await using app = await start();
    await using client = await TestClient.connectSdk(app.url('/safe'), { token: 'ada' });
    const refreshing = client.request('$refresh', { token });
    await expect(refreshing).rejects.toMatchObject({ code });
    await expect(refreshing).rejects.not.toThrow(/password|store/);
    expect(await client.request('version')).toMatchObject({ data: 1 });
  });
});
