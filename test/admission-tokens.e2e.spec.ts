import { inspect } from 'node:util';
import type { IncomingMessage } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, type AuthOptions, type Connection, HoldfastGateway, Principal, Public } from '@holdfast/gateway';
import { encodeFrame, type HoldfastTestApp, type RawUpgradeOptions, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { APP_GUARD } from '@nestjs/core';
import {
  countersOf,
  Gate,
  granted,
  refusalOf,
  refused,
  registryOf,
  secret,
  start,
  tokenFor,
} from './support/admission.js';
import { LogRecorder } from './support/log-recorder.js';

/** Everything the application's hooks were given, as a careless log would show it. */
let shown: string[] = [];

function show(...facts: unknown[]): void {
  for (const fact of facts) shown.push(inspect(fact, { depth: 6, showHidden: false }), JSON.stringify(fact));
}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/private' })
class PrivateGateway extends HoldfastGateway {
  override onHandshake(connection: Connection, request: IncomingMessage): void {
    show(connection, connection.handshake, [...connection.handshake.query], request.url);
  }

  override handleConnection(connection: Connection, request?: IncomingMessage): void {
    show(connection, connection.handshake, [...connection.handshake.query], request?.url);
  }

  @SubscribeMessage('me')
  me(@Principal('subject') subject: string, @ConnectedSocket() connection: Connection): string {
    show(connection, connection.handshake);
    return subject;
  }
}

function serve(auth: Omit<AuthOptions, never> = {}, logger?: LogRecorder): Promise<HoldfastTestApp> {
  shown = [];
  const setup = { gateways: [PrivateGateway], options: { auth: { secret, ...auth } } };
  return start(logger ? { ...setup, logger } : setup);
}

async function subjectOf(url: string, headers: Record<string, string>): Promise<unknown> {
  await using client = await TestClient.connect(url, { headers });
  return (await client.request('me')).data;
}

describe('PROTOCOL.md 2.5: where a token may be', () => {
  it.each<[string, Omit<AuthOptions, never>, (token: string) => { path: string; headers: Record<string, string> }]>([
    ['the Authorization header', {}, (token) => ({ path: '/private', headers: { Authorization: `Bearer ${token}` } })],
    [
      'a cookie',
      { cookieName: 'session' },
      (token) => ({ path: '/private', headers: { Cookie: `a=b; session=${token}` } }),
    ],
    [
      'the query string',
      { queryParameter: 'token' },
      (token) => ({ path: `/private?a=b&token=${token}&c=d`, headers: {} }),
    ],
    [
      'the query string, its name escaped',
      { queryParameter: 'token' },
      (token) => ({ path: `/private?%74oken=${token}`, headers: {} }),
    ],
  ])('%s; and nothing that a hook would log gives it away', async (_, auth, place) => {
    const logger = new LogRecorder();
    await using app = await serve(auth, logger);
    const token = await tokenFor('ada');
    const { path, headers } = place(token);
    expect(await subjectOf(app.url(path), headers)).toBe('ada');
    expect(shown.length).toBeGreaterThan(10);
    const signature = token.split('.')[2]!;
    expect([...shown, ...logger.lines].filter((text) => text.includes(signature))).toEqual([]);
    if (path.includes('?a=b')) expect(shown.join('\n')).toContain('/private?a=b&token=[redacted]&c=d');
  });

  it('a subprotocol, which is neither chosen nor echoed nor remembered', async () => {
    await using app = await serve();
    const token = await tokenFor('ada');
    for (const [offered, agreed] of [
      [`bearer.${token}`, undefined],
      [`bearer.${token}, holdfast.plain`, 'holdfast.plain'],
      [`holdfast.plain, bearer.${token}`, 'holdfast.plain'],
    ] as const) {
      const answer = await granted(app.url('/private'), { headers: { 'Sec-WebSocket-Protocol': offered } });
      expect(answer.headers['sec-websocket-protocol']).toBe(agreed);
      expect(JSON.stringify(answer.headers)).not.toContain(token);
      answer.socket.destroy();
    }
    const signature = token.split('.')[2]!;
    expect(shown.length).toBeGreaterThan(10);
    expect(shown.filter((text) => text.includes(signature))).toEqual([]);
  });

  it('credentials can still be read by name, for guards of the application', async () => {
    const seen: unknown[] = [];

    @Injectable()
    class ApiKeyGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const { handshake } = context.switchToWs().getClient<Connection>();
        const { authorization, cookie, ...listed } = handshake.headers;
        seen.push(authorization, cookie, Object.keys(listed).includes('cookie'));
        return true;
      }
    }

    @UseGuards(ApiKeyGuard)
    @WebSocketGateway({ path: '/key' })
    class KeyGateway {}

    await using app = await start({ gateways: [KeyGateway] });
    const headers = { Authorization: 'ApiKey 42', Cookie: 'a=b' };
    (await granted(app.url('/key'), { headers })).socket.destroy();
    expect(seen).toEqual(['ApiKey 42', 'a=b', false]);
  });

  it.each<[string, (token: string) => RawUpgradeOptions]>([
    ['in the query string', (token) => ({ path: `/private?token=${token}&access_token=${token}` })],
    ['in a cookie', (token) => ({ headers: { Cookie: `token=${token}; session=${token}` } })],
  ])('not %s, unless that is switched on', async (_, place) => {
    await using app = await serve();
    expect(await refused(app.url('/private'), place(await tokenFor('ada')))).toMatchObject({ status: 401 });
  });

  it('the first that presents anything decides, even when it is unusable', async () => {
    await using app = await serve({ cookieName: 'session' });
    const [ada, bob] = await Promise.all([tokenFor('ada'), tokenFor('bob')]);
    const headers = { Authorization: `Bearer ${ada}`, Cookie: `session=${bob}` };
    expect(await subjectOf(app.url('/private'), headers)).toBe('ada');
    for (const authorization of ['Bearer !!!', 'Bearer', `Bearer ${'x'.repeat(8_193)}`, 'Bearer a b']) {
      const answer = await refused(app.url('/private'), { headers: { ...headers, Authorization: authorization } });
      expect(answer).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
    }
  });

  it('an SDK client whose token is unusable is not taken for somebody without one', async () => {
    @Public()
    @UseGuards(AuthGuard)
    @WebSocketGateway({ path: '/public' })
    class PublicGateway {}

    await using app = await start({ gateways: [PublicGateway], options: { auth: { secret } } });
    const protocols = ['holdfast.v1.json'];
    await using odd = await TestClient.connect(app.url('/public'), {
      protocols,
      headers: { Authorization: 'Bearer !' },
    });
    odd.send({ event: '$hello', data: {} });
    expect(await odd.next('$error')).toMatchObject({ data: { code: 'UNAUTHORIZED' } });
    expect(await odd.closed).toMatchObject({ code: 4401 });
    await using nobody = await TestClient.connectSdk(app.url('/public'));
    expect(nobody.welcome).toMatchObject({ event: '$welcome' });
  });

  it('is not repeated by a refusal', async () => {
    const logger = new LogRecorder();
    await using app = await serve({ queryParameter: 'token' }, logger);
    const token = await tokenFor('ada', '-1h');
    const protocol = { 'Sec-WebSocket-Protocol': `bearer.${token}, unknown` };
    for (const options of [
      { path: `/private?token=${token}` },
      { path: `/none?token=${token}` },
      { headers: protocol },
    ]) {
      const answer = await refused(app.url('/private'), options);
      expect(JSON.stringify(answer)).not.toContain(token);
    }
    expect(logger.lines.join('\n')).not.toContain(token);
  });
});

describe('PROTOCOL.md 2.6: frames in the same packet as the end of the handshake', () => {
  const frames = (...numbers: number[]): Buffer =>
    Buffer.concat(
      numbers.map((number) => encodeFrame({ payload: JSON.stringify({ event: 'add', data: number, id: number }) })),
    );

  it('wait for an async guard and an async hook, and are answered in order', async () => {
    const [guard, hook] = [new Gate(), new Gate()];
    const added: number[] = [];

    @Injectable()
    class Slow implements CanActivate {
      async canActivate(context: ExecutionContext): Promise<boolean> {
        if (context.switchToWs().getPattern() === '$connect') await guard.pass();
        return true;
      }
    }

    @UseGuards(Slow)
    @WebSocketGateway({ path: '/slow' })
    class SlowGateway {
      #ready = false;

      async handleConnection(): Promise<void> {
        await hook.pass();
        this.#ready = true;
      }

      @SubscribeMessage('add')
      add(@MessageBody() number: number): unknown {
        added.push(number);
        return { ready: this.#ready, number };
      }
    }

    await using app = await start({ gateways: [SlowGateway] });
    const upgrading = granted(app.url('/slow'), { writeAfter: frames(1, 2, 3) });
    await guard.reached;
    guard.open();
    const { frames: answers, socket } = await upgrading;
    await hook.reached;
    socket.write(frames(4));
    expect(added).toEqual([]);
    expect([...registryOf(app)].map(({ state }) => state)).toEqual(['admitting']);
    hook.open();
    for (const number of [1, 2, 3, 4]) {
      const { payload } = await answers.next();
      expect(JSON.parse(payload.toString())).toEqual({ event: '$reply', id: number, data: { ready: true, number } });
    }
    socket.destroy();
  });

  it('are lost with a handshake that is refused, and harm nobody', async () => {
    await using app = await serve();
    const answer = await refused(app.url('/private'), { writeAfter: frames(1, 2, 3) });
    expect(answer).toMatchObject({ status: 401 });
    expect(registryOf(app).size).toBe(0);
  });
});

describe('AuthGuard at the upgrade (PROTOCOL.md 2.1 step 11)', () => {
  @UseGuards(AuthGuard)
  @WebSocketGateway({ path: '/private' })
  class PrivateGateway {
    @SubscribeMessage('hello')
    hello(): string {
      return 'hello';
    }
  }

  const options = { auth: { secret } };

  it('without a token: 401 with WWW-Authenticate, to a bare client and to ws', async () => {
    await using app = await start({ gateways: [PrivateGateway], options });
    const answer = await refused(app.url('/private'));
    expect(answer).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="holdfast"');
    const byWs = await refusalOf(TestClient.connect(app.url('/private')));
    expect(byWs).toMatchObject({ status: 401, body: { error: { code: 'UNAUTHORIZED' } } });
    expect(byWs.headers['www-authenticate']).toBe('Bearer realm="holdfast"');
    expect(countersOf(app).get('refused', 'UNAUTHORIZED')).toBe(2);
  });

  it('with a token that is not valid: 401 that does not repeat it', async () => {
    await using app = await start({ gateways: [PrivateGateway], options });
    const valid = await tokenFor('ada');
    const forged = `${valid.slice(0, -4)}AAAA`;
    const answer = await refused(app.url('/private'), { headers: { Authorization: `Bearer ${forged}` } });
    expect(answer).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
    expect(answer.body).not.toContain(forged.slice(0, 20));
  });

  it('with a token whose time is over: 401 TOKEN_EXPIRED, named in the challenge', async () => {
    await using app = await start({ gateways: [PrivateGateway], options });
    const token = await tokenFor('ada', '-1h');
    const answer = await refused(app.url('/private'), { headers: { Authorization: `Bearer ${token}` } });
    expect(answer).toMatchObject({ status: 401, code: 'TOKEN_EXPIRED' });
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="holdfast", error="invalid_token"');
  });

  it('as the guard of the whole application, with @Public() for a gateway', async () => {
    @Public()
    @WebSocketGateway({ path: '/public' })
    class PublicGateway extends HoldfastGateway {}

    @WebSocketGateway({ path: '/other' })
    class OtherGateway extends HoldfastGateway {}

    await using app = await start({
      gateways: [PublicGateway, OtherGateway],
      providers: [{ provide: APP_GUARD, useClass: AuthGuard }],
      options,
    });
    expect(await refused(app.url('/other'))).toMatchObject({ status: 401 });
    (await granted(app.url('/public'))).socket.destroy();
  });
});
