import { Injectable, Module, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  AuthenticationError,
  Authenticator,
  AuthGuard,
  type Connection,
  Handshake,
  HoldfastModule,
  Principal,
  Public,
} from '@holdfast/gateway';
import { HandshakeRefused, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { boot, bootFailure, onlyConnection } from './support/boot.js';
import { SECRET, tokenOf } from './support/tokens.js';

const auth = { secret: SECRET };

@Public()
@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/open' })
class OpenGateway {
  @SubscribeMessage('who')
  who(@Principal() principal: Principal | undefined): string {
    return principal?.subject ?? 'nobody';
  }
}

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/half' })
class HalfOpenGateway {
  @Public()
  handleConnection(connection: Connection): void {
    connection.tag('met');
  }

  @Public()
  @SubscribeMessage('open')
  open(): string {
    return 'to everybody';
  }

  @SubscribeMessage('closed')
  closed(): string {
    return 'to some';
  }
}

@WebSocketGateway({ path: '/facts' })
class FactsGateway {
  @SubscribeMessage('facts')
  facts(@Handshake() handshake: Handshake, @Handshake('ip') ip: string, @Handshake('mode') mode: string): unknown {
    return { path: handshake.path, ip, mode };
  }

  @UseGuards(AuthGuard)
  @SubscribeMessage('subject')
  subject(@Principal('subject') subject: string, @Principal('claims') claims: Record<string, unknown>): unknown {
    return { subject, role: claims['role'] };
  }
}

describe('@Public()', () => {
  it('on a class admits strangers, knows whoever can be known, and refuses a bad token', async () => {
    await using app = await boot({ options: { auth }, providers: [OpenGateway] });
    await using stranger = await TestClient.connect(app.url('/open'));
    expect(await stranger.request('who')).toMatchObject({ data: 'nobody' });
    await using ada = await TestClient.connect(app.url('/open'), { token: await tokenOf('ada') });
    expect(await ada.request('who')).toMatchObject({ data: 'ada' });
    await expect(TestClient.connect(app.url('/open'), { token: 'bad' })).rejects.toThrow(HandshakeRefused);
  });

  it('on handleConnection admits strangers, whose messages still meet the guard; on a method it lets one through', async () => {
    await using app = await boot({ options: { auth }, providers: [HalfOpenGateway] });
    await using stranger = await TestClient.connect(app.url('/half'));
    expect(await stranger.request('open')).toMatchObject({ data: 'to everybody' });
    await expect(stranger.request('closed')).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect([...onlyConnection(app).tags]).toEqual(['met']);
  });

  it('is not there: the gateway is closed, to SDK clients by 4401 (PROTOCOL 6.1)', async () => {
    await using app = await boot({ options: { auth }, providers: [FactsGateway, ClosedGateway] });
    await expect(TestClient.connect(app.url('/closed'))).rejects.toMatchObject({ status: 401 });
    await using client = await TestClient.connect(app.url('/closed'), { protocols: ['holdfast.v1.json'] });
    client.send({ event: '$hello' });
    expect(await client.next()).toMatchObject({ event: '$error', data: { code: 'UNAUTHORIZED' } });
    expect(await client.closed).toMatchObject({ code: 4401 });
  });
});

@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/closed' })
class ClosedGateway {
  @SubscribeMessage('say')
  say(): string {
    return 'heard';
  }
}

describe('AuthGuard', () => {
  it('gives facts of the handshake and of the principal by name', async () => {
    await using app = await boot({ options: { auth }, providers: [FactsGateway] });
    await using client = await TestClient.connect(app.url('/facts/'), { token: await tokenOf('ada', { role: 'op' }) });
    expect(await client.request('facts')).toMatchObject({ data: { path: '/facts/', ip: '127.0.0.1', mode: 'plain' } });
  });

  it.each(['plain', 'sdk'] as const)('on one method only knows the %s client by the token it brought', async (mode) => {
    await using app = await boot({ options: { auth }, providers: [FactsGateway] });
    const token = await tokenOf('ada', { role: 'op' });
    const connect = mode === 'sdk' ? TestClient.connectSdk : TestClient.connect;
    await using client = await connect.call(TestClient, app.url('/facts'), { token });
    expect(await client.request('subject')).toMatchObject({ data: { subject: 'ada', role: 'op' } });
    await using stranger = await TestClient.connect(app.url('/facts'));
    expect(await stranger.request('facts')).toMatchObject({ data: { mode: 'plain' } });
    await expect(stranger.request('subject')).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('on one method only holds a principal to its number of connections all the same', async () => {
    const admission = { maxConnectionsPerPrincipal: 1 };
    await using app = await boot({ options: { auth, admission }, providers: [FactsGateway] });
    const token = await tokenOf('ada');
    await using first = await TestClient.connect(app.url('/facts'), { token });
    await first.request('subject');
    await using second = await TestClient.connect(app.url('/facts'), { token });
    second.send({ event: 'subject', id: 1 });
    expect(await second.closed).toMatchObject({ code: 4429 });
  });

  it('asks the authenticator once per connection, not once per message', async () => {
    const holdfast = HoldfastModule.forRoot({ authenticator: CountingAuthenticator });
    await using app = await boot({ holdfast, providers: [ClosedGateway] });
    await using client = await TestClient.connect(app.url('/closed'), { token: 'ada' });
    for (let count = 0; count < 20; count++) await client.request('say');
    expect(app.app.get(Authenticator)).toMatchObject({ calls: 1 });
  });

  it.each([
    ['class', [() => ClosedGateway]],
    ['method', [() => FactsGateway]],
  ])('on a %s stops the boot by name when nothing can verify tokens', async (_where, [gateway]) => {
    const type = gateway?.() ?? ClosedGateway;
    const failure = await bootFailure({ providers: [type] });
    expect(failure.code).toBe('INVALID_GATEWAY');
    expect(failure.message).toContain(`${type.name} is protected by AuthGuard, but nothing can verify tokens`);
    expect(failure.message).toContain('auth.secret, auth.publicKey or auth.jwksUrl');
  });

  it('as a global guard stops the boot too', async () => {
    const providers = [{ provide: APP_GUARD, useClass: AuthGuard }, UnguardedGateway];
    expect(await bootFailure({ providers })).toMatchObject({
      code: 'INVALID_GATEWAY',
      message: expect.stringContaining('UnguardedGateway is protected by AuthGuard') as string,
    });
  });

  it('as a global guard guards every gateway', async () => {
    const providers = [{ provide: APP_GUARD, useClass: AuthGuard }, UnguardedGateway];
    await using app = await boot({ options: { auth }, providers });
    await expect(TestClient.connect(app.url('/unguarded'))).rejects.toMatchObject({ status: 401 });
    await using client = await TestClient.connect(app.url('/unguarded'), { token: await tokenOf('ada') });
    expect(await client.request('say')).toMatchObject({ data: 'heard' });
  });
});

@WebSocketGateway({ path: '/unguarded' })
class UnguardedGateway {
  @SubscribeMessage('say')
  say(): string {
    return 'heard';
  }
}

@Injectable()
class CountingAuthenticator extends Authenticator {
  calls = 0;

  override authenticate(token: string): Promise<Principal> {
    this.calls++;
    return Promise.resolve({ subject: token, expiresAt: Infinity, claims: {} });
  }
}

@Injectable()
class Members {
  readonly names = new Set(['ada']);
}

@Module({ providers: [Members], exports: [Members] })
class MembersModule {}

@Injectable()
class MemberAuthenticator extends Authenticator {
  constructor(private readonly members: Members) {
    super();
  }

  override authenticate(token: string, handshake: Handshake): Promise<Principal> {
    if (!this.members.names.has(token)) throw new AuthenticationError('UNAUTHORIZED', `Unknown at ${handshake.path}`);
    return Promise.resolve({ subject: token, expiresAt: Infinity, claims: {} });
  }
}

describe('an authenticator of the application', () => {
  it('given to forRootAsync gets what it injects, and decides', async () => {
    const holdfast = HoldfastModule.forRootAsync({
      imports: [MembersModule],
      authenticator: MemberAuthenticator,
      useFactory: () => ({ auth: { cookieName: 'member' } }),
    });
    await using app = await boot({ holdfast, providers: [ClosedGateway] });
    await using client = await TestClient.connect(app.url('/closed'), { headers: { cookie: 'member=ada' } });
    expect(await client.request('say')).toMatchObject({ data: 'heard' });
    await expect(TestClient.connect(app.url('/closed'), { token: 'eve' })).rejects.toMatchObject({
      status: 401,
      body: { error: { code: 'UNAUTHORIZED', message: 'Unknown at /closed' } },
    });
  });

  it('needs no key, and a key beside it is a contradiction that stops the boot', async () => {
    const holdfast = HoldfastModule.forRoot({ auth, authenticator: CountingAuthenticator });
    expect(await bootFailure({ holdfast, providers: [ClosedGateway] })).toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining('auth: secret has no effect beside an authenticator of your own') as string,
    });
  });

  it('that fails for a reason of its own lets nobody in and tells nobody why (PROTOCOL 7.3)', async () => {
    const holdfast = HoldfastModule.forRoot({ authenticator: BrokenAuthenticator });
    await using app = await boot({ holdfast, providers: [ClosedGateway] });
    await expect(TestClient.connect(app.url('/closed'), { token: 'ada' })).rejects.toMatchObject({
      status: 500,
      body: { error: { code: 'INTERNAL', message: 'Internal server error' } },
    });
  });
});

@Injectable()
class BrokenAuthenticator extends Authenticator {
  override authenticate(): Promise<Principal> {
    return Promise.reject(new Error('password of the user store is wrong'));
  }
}
