import { UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type AuthOptions, AuthGuard, Handshake, Principal } from '@holdfast/gateway';
import { HandshakeRefused, type HoldfastTestApp, rawUpgrade, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot, onlyConnection } from './support/boot.js';
import { keyPair, KeyServer, SECRET, tokenOf } from './support/tokens.js';

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/who' })
class WhoGateway {
  @SubscribeMessage('who')
  who(@Principal() { subject, claims }: Principal, @Handshake('query') query: URLSearchParams): unknown {
    return { subject, role: claims['role'], query: [...query.keys()] };
  }
}

const start = (auth: AuthOptions): Promise<HoldfastTestApp> => boot({ options: { auth }, providers: [WhoGateway] });
const [rsa, ec, ed] = await Promise.all([keyPair('RS256'), keyPair('ES256'), keyPair('EdDSA')]);

interface Refusal {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

async function refusal(connecting: Promise<TestClient>): Promise<Refusal> {
  const outcome = await connecting.then(
    () => 'was let in',
    (error: unknown) => error,
  );
  if (outcome instanceof HandshakeRefused) return outcome;
  throw new Error(`expected a refusal, but the client ${String(outcome)}`);
}

async function subjectOf(connecting: Promise<TestClient>): Promise<unknown> {
  await using client = await connecting;
  const { data } = await client.request('who');
  return data;
}

describe('a key to verify tokens with', () => {
  it('is a shared secret', async () => {
    await using app = await start({ secret: SECRET });
    const connecting = TestClient.connect(app.url('/who'), { token: await tokenOf('ada', { role: 'admin' }) });
    expect(await subjectOf(connecting)).toMatchObject({ subject: 'ada', role: 'admin' });
  });

  it.each([rsa, ec, ed])('is a public key', async (pair) => {
    await using app = await start({ publicKey: pair.pem });
    const connecting = TestClient.connect(app.url('/who'), { token: await pair.token('ada') });
    expect(await subjectOf(connecting)).toMatchObject({ subject: 'ada' });
    const stranger = await keyPair('RS256');
    expect(await refusal(TestClient.connect(app.url('/who'), { token: await stranger.token('ada') }))).toMatchObject({
      status: 401,
      body: { error: { code: 'UNAUTHORIZED' } },
    });
  });

  it('is published at a URL, fetched once, and followed when it is rotated', async () => {
    await using keys = await KeyServer.start(rsa);
    await using app = await start({ jwksUrl: keys.url, jwksCooldownMs: 0 });
    const url = app.url('/who');
    const tokens = await Promise.all(['ada', 'bob'].map((sub) => rsa.token(sub)));
    for (const token of tokens) await subjectOf(TestClient.connect(url, { token }));
    expect(keys.requests).toBe(1);
    keys.publish(ec);
    expect(await subjectOf(TestClient.connect(url, { token: await ec.token('eve') }))).toMatchObject({
      subject: 'eve',
    });
    expect(keys.requests).toBe(2);
  });

  it('that cannot be fetched means 503 before the 101, and never 401 (PROTOCOL 2.3)', async () => {
    await using keys = await KeyServer.start(rsa);
    keys.isDown = true;
    await using app = await start({ jwksUrl: keys.url });
    expect(await refusal(TestClient.connect(app.url('/who'), { token: await rsa.token('ada') }))).toMatchObject({
      status: 503,
      body: { error: { code: 'UNAVAILABLE' } },
    });
  });

  it('that cannot be fetched means UNAVAILABLE and close 1013 in SDK mode (PROTOCOL 6.1)', async () => {
    await using keys = await KeyServer.start(rsa);
    keys.isDown = true;
    await using app = await start({ jwksUrl: keys.url });
    await using client = await TestClient.connect(app.url('/who'), { protocols: ['holdfast.v1.json'] });
    client.send({ event: '$hello', data: { token: await rsa.token('ada') } });
    expect(await client.next()).toMatchObject({ event: '$error', data: { code: 'UNAVAILABLE' } });
    expect(await client.closed).toMatchObject({ code: 1013 });
  });
});

describe('a token', () => {
  const auth = { secret: SECRET, issuer: 'https://id.example/', audience: ['chat', 'feed'] };
  const good = { iss: auth.issuer, aud: 'chat' };

  it('of the right issuer and audience is accepted', async () => {
    await using app = await start(auth);
    const token = await tokenOf('ada', good);
    expect(await subjectOf(TestClient.connect(app.url('/who'), { token }))).toMatchObject({ subject: 'ada' });
  });

  it.each([
    ['another issuer', { ...good, iss: 'https://evil.example/' }, 'UNAUTHORIZED'],
    ['another audience', { ...good, aud: 'bank' }, 'UNAUTHORIZED'],
    ['no audience', { iss: auth.issuer }, 'UNAUTHORIZED'],
    ['a time that has not come', { ...good, nbf: 4_000_000_000 }, 'UNAUTHORIZED'],
    ['a time that is over', { ...good, exp: 1_000_000_000 }, 'TOKEN_EXPIRED'],
  ])('of %s is refused by 401 with WWW-Authenticate', async (_what, claims, code) => {
    await using app = await start(auth);
    const refused = await refusal(TestClient.connect(app.url('/who'), { token: await tokenOf('ada', claims) }));
    expect(refused).toMatchObject({ status: 401, body: { error: { code } } });
    expect(refused.headers['www-authenticate']).toMatch(/^Bearer/);
  });

  it('that is missing is asked for by 401', async () => {
    await using app = await start(auth);
    expect(await refusal(TestClient.connect(app.url('/who')))).toMatchObject({
      status: 401,
      body: { error: { code: 'UNAUTHORIZED' } },
    });
  });
});

describe('a token is taken (PROTOCOL 2.5)', () => {
  const everywhere = { secret: SECRET, cookieName: 'session', queryParameter: 'token' };

  it('from the subprotocol bearer.<token>, which is never selected', async () => {
    await using app = await start({ secret: SECRET });
    const protocols = [`bearer.${await tokenOf('ada')}`, 'holdfast.plain'];
    await using client = await TestClient.connect(app.url('/who'), { protocols });
    expect(client.protocol).toBe('holdfast.plain');
    expect(await client.request('who')).toMatchObject({ data: { subject: 'ada' } });
    const bare = await rawUpgrade(app.url('/who'), { headers: { 'Sec-WebSocket-Protocol': protocols[0] } });
    expect(bare).toMatchObject({ upgraded: true });
    expect(bare.headers).not.toHaveProperty('sec-websocket-protocol');
    if (bare.upgraded) bare.socket.destroy();
  });

  it('from the cookie that the options name, and from no other', async () => {
    await using app = await start({ secret: SECRET, cookieName: 'session' });
    const token = await tokenOf('ada');
    const headers = (cookie: string): { headers: Record<string, string> } => ({ headers: { cookie } });
    expect(await subjectOf(TestClient.connect(app.url('/who'), headers(`a=1; session=${token}`)))).toMatchObject({
      subject: 'ada',
    });
    expect(await refusal(TestClient.connect(app.url('/who'), headers(`token=${token}`)))).toMatchObject({
      status: 401,
    });
  });

  it('from no cookie while the options name none', async () => {
    await using app = await start({ secret: SECRET });
    const headers = { cookie: `session=${await tokenOf('ada')}` };
    expect(await refusal(TestClient.connect(app.url('/who'), { headers }))).toMatchObject({ status: 401 });
  });

  it('from the query string where that is switched on, and is found there by nobody else', async () => {
    await using app = await start({ secret: SECRET, queryParameter: 'token' });
    await using client = await TestClient.connect(app.url(`/who?room=7&token=${await tokenOf('ada')}`));
    expect(await client.request('who')).toMatchObject({ data: { subject: 'ada', query: ['room'] } });
    expect(onlyConnection(app).handshake.query.get('token')).toBeNull();
  });

  it('from no query string otherwise', async () => {
    await using app = await start({ secret: SECRET });
    expect(await refusal(TestClient.connect(app.url(`/who?token=${await tokenOf('ada')}`)))).toMatchObject({
      status: 401,
    });
  });

  it('from the first place that presents anything, even when that is unusable', async () => {
    await using app = await start(everywhere);
    const [ada, bob, eve] = await Promise.all(['ada', 'bob', 'eve'].map((sub) => tokenOf(sub)));
    const url = app.url(`/who?token=${eve}`);
    const headers = { cookie: `session=${bob}` };
    expect(await subjectOf(TestClient.connect(url, { headers, token: ada ?? '' }))).toMatchObject({ subject: 'ada' });
    expect(await subjectOf(TestClient.connect(url, { headers }))).toMatchObject({ subject: 'bob' });
    expect(await subjectOf(TestClient.connect(url))).toMatchObject({ subject: 'eve' });
    expect(await refusal(TestClient.connect(url, { headers, token: 'not,a,token' }))).toMatchObject({ status: 401 });
  });

  it('from $hello before any place of the handshake, and from the handshake without one', async () => {
    await using app = await start({ secret: SECRET });
    const headers = { authorization: `Bearer ${await tokenOf('ada')}` };
    const url = app.url('/who');
    expect(await subjectOf(TestClient.connectSdk(url, { headers, token: await tokenOf('bob') }))).toMatchObject({
      subject: 'bob',
    });
    expect(await subjectOf(TestClient.connectSdk(url, { headers }))).toMatchObject({ subject: 'ada' });
  });
});
