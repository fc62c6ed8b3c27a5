import { UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, Principal } from '@holdfast/gateway';
import type { HoldfastTestApp } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot } from './support/boot.js';
import { NodeClient, nextEvent } from './support/client-node.js';
import { SECRET, tokenOf } from './support/tokens.js';

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/safe' })
class SafeGateway {
  @SubscribeMessage('version')
  version(@Principal('claims') claims: Record<string, unknown>): unknown {
    return claims['version'];
  }
}

/** The server asks for a fresh token at half of its life; there is plenty of time after it. */
function start(auth: { expiryGraceMs?: number; clockToleranceMs?: number } = {}): Promise<HoldfastTestApp> {
  return boot({ options: { auth: { secret: SECRET, ...auth } }, providers: [SafeGateway] });
}

/** Real ones, and short. */
function tokenFor(sub: string, version: number, lifeMs = 3_000): Promise<string> {
  return tokenOf(sub, { version, exp: (Date.now() + lifeMs) / 1_000 });
}

describe('PROTOCOL 9: a token that expires while the connection is open', () => {
  it('is replaced again and again, and the connection stays', async () => {
    await using app = await start();
    let version = 0;
    const begun = Date.now();
    using node = await NodeClient.open(app.url('/safe'), { token: () => tokenFor('ada', ++version) });
    const { client } = node;
    const { connectionId } = client;
    expect(await client.request('version')).toBe(1);
    for (const fresh of [2, 3]) await expect.poll(() => client.request('version'), { timeout: 25_000 }).toBe(fresh);
    expect(Date.now() - begun).toBeGreaterThan(2_500);
    expect(client.connectionId).toBe(connectionId);
    expect(node.errors).toEqual([]);
  });

  it('is replaced by the second token, when the provider fails the first time', async () => {
    await using app = await start();
    let calls = 0;
    const token = (): Promise<string> =>
      ++calls === 2 ? Promise.reject(new Error('away')) : tokenFor('ada', calls, 6_000);
    using node = await NodeClient.open(app.url('/safe'), { token });
    const { client } = node;
    const { connectionId } = client;
    expect(await nextEvent(client, '$error')).toMatchObject({ code: 'TOKEN_PROVIDER_FAILED' });
    await expect.poll(() => client.request('version'), { timeout: 25_000 }).toBe(3);
    expect(client.connectionId).toBe(connectionId);
  });

  it('is not replaced by one that has expired itself: the client hears so, and the old one counts', async () => {
    await using app = await start();
    let calls = 0;
    const token = (): Promise<string> => tokenFor('ada', ++calls, calls === 1 ? 3_000 : -60_000);
    using node = await NodeClient.open(app.url('/safe'), { token });
    expect(await nextEvent(node.client, '$error')).toMatchObject({ code: 'TOKEN_EXPIRED' });
    expect(await node.client.request('version')).toBe(1);
    expect(node.client.state).toBe('open');
  });

  it('is not replaced by that of somebody else: 4401, and the client comes back with another', async () => {
    await using app = await start();
    let calls = 0;
    const token = (): Promise<string> => tokenFor(++calls === 2 ? 'eve' : 'ada', calls);
    using node = await NodeClient.open(app.url('/safe'), { token });
    const { client } = node;
    const { connectionId } = client;
    const refused = nextEvent(client, '$error');
    const waiting = node.change('waiting');
    expect(await refused).toMatchObject({ code: 'REFRESH_REFUSED' });
    expect(await waiting).toMatchObject({ from: 'open', cause: 'server', code: 4401 });
    await node.change('open');
    expect(await client.request('version')).toBe(3);
    expect(client.connectionId).not.toBe(connectionId);
  });

  it('ends the connection with 4401 when there is nobody who has another', async () => {
    await using app = await start({ expiryGraceMs: 0, clockToleranceMs: 0 });
    using node = await NodeClient.open(app.url('/safe'), { token: await tokenFor('ada', 1, 4_000) });
    expect(await node.change('failed')).toMatchObject({ from: 'open', cause: 'server', code: 4401 });
  });
});
