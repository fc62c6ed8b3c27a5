import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard as PassportGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { type Connection, isHandshake, MessagesOnly } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { SignJWT } from 'jose';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { describe, expect, it } from 'vitest';
import { expectNoCrash, serve } from './support/dispatch.js';

expectNoCrash();

const path = '/guarded';
const secret = 'a secret of at least 32 characters, as HS256 wants it';

function tokenOf(subject: string, key = secret): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(key));
}

/** As in Nest's documentation. */
@Injectable()
class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({ jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey: secret });
  }

  validate({ sub }: { sub: string }): { name: string } {
    return { name: sub };
  }
}

@UseGuards(PassportGuard('jwt'))
@WebSocketGateway({ path })
class PassportGateway {
  @SubscribeMessage('who')
  who(@ConnectedSocket() client: Connection & { user?: { name: string } }): unknown {
    return client.user?.name;
  }
}

@WebSocketGateway({ path })
class EchoGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    return data ?? 'nothing';
  }
}

describe('guards that were written for HTTP', () => {
  it('of @nestjs/passport decide about the upgrade, and what they write to the request stays', async () => {
    const imports = [PassportModule];
    await using served = await serve([PassportGateway, JwtStrategy], { imports });
    await using client = await TestClient.connect(served.url(path), { token: await tokenOf('ada') });
    expect(await client.request('who')).toMatchObject({ data: 'ada' });
    await expect(TestClient.connect(served.url(path))).rejects.toThrow(/401/);
    const forged = await tokenOf('ada', secret.toUpperCase());
    await expect(TestClient.connect(served.url(path), { token: forged })).rejects.toThrow(/401/);
  });

  it('of @nestjs/passport find the token of an SDK client in its credentials', async () => {
    @Injectable()
    class SdkStrategy extends PassportStrategy(Strategy) {
      constructor() {
        super({ jwtFromRequest: ({ credentials }: Connection) => credentials ?? null, secretOrKey: secret });
      }

      validate({ sub }: { sub: string }): { name: string } {
        return { name: sub };
      }
    }
    await using served = await serve([PassportGateway, SdkStrategy], { imports: [PassportModule] });
    await using client = await TestClient.connectSdk(served.url(path), { token: await tokenOf('ada') });
    expect(await client.request('who')).toMatchObject({ data: 'ada' });
    await expect(TestClient.connectSdk(served.url(path))).rejects.toThrow();
  });

  it('of @nestjs/throttler count upgrades and messages of an address, also messages without data', async () => {
    const imports = [ThrottlerModule.forRoot([{ ttl: 60_000, limit: 2 }])];
    await using served = await serve([EchoGateway, { provide: APP_GUARD, useClass: ThrottlerGuard }], { imports });
    await using client = await TestClient.connect(served.url(path));
    await using second = await TestClient.connect(served.url(path));
    await expect(TestClient.connect(served.url(path))).rejects.toThrow(/429/);
    expect(await client.request('echo')).toMatchObject({ data: 'nothing' });
    expect(await second.request('echo', 1)).toMatchObject({ data: 1 });
    await expect(client.request('echo', 2)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });
});

/** Reads a member of a message, which a handshake has not. */
@Injectable()
class RoomGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { room } = context.switchToWs().getData<{ room: { isOpen: boolean } }>();
    return room.isOpen;
  }
}

@MessagesOnly()
@Injectable()
class LaterGuard extends RoomGuard {}

@Injectable()
class KnowingGuard extends RoomGuard {
  override canActivate(context: ExecutionContext): boolean {
    return isHandshake(context) || super.canActivate(context);
  }
}

function gatewayWith(guard: new () => CanActivate, ...decorators: ClassDecorator[]): new () => object {
  class Guarded extends EchoGateway {}
  for (const decorate of [UseGuards(guard), WebSocketGateway({ path }), ...decorators]) decorate(Guarded);
  return Guarded;
}

describe('a guard that reads messages', () => {
  it('is refused at the handshake with a hint in the log', async () => {
    await using served = await serve([gatewayWith(RoomGuard), RoomGuard]);
    await expect(TestClient.connect(served.url(path))).rejects.toThrow(/500/);
    expect(served.log.of('error').join('\n')).toMatch(/isHandshake\(context\).*@MessagesOnly\(\)/);
  });

  it.each([
    ['marked @MessagesOnly()', gatewayWith(LaterGuard), LaterGuard],
    ['that asks isHandshake()', gatewayWith(KnowingGuard), KnowingGuard],
    ['on a gateway marked @MessagesOnly()', gatewayWith(RoomGuard, MessagesOnly()), RoomGuard],
  ])('%s runs for messages alone', async (_what, gateway, guard) => {
    await using served = await serve([gateway, guard]);
    await using client = await TestClient.connect(served.url(path));
    expect(await client.request('echo', { room: { isOpen: true } })).toMatchObject({ event: '$reply' });
    await expect(client.request('echo', { room: { isOpen: false } })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('runs for messages alone also where interceptors need the chain of Nest', async () => {
    const gateway = gatewayWith(RoomGuard, MessagesOnly(), (type) => {
      Reflect.defineMetadata(
        '__interceptors__',
        [{ intercept: (_: unknown, next: { handle(): unknown }) => next.handle() }],
        type,
      );
    });
    await using served = await serve([gateway, RoomGuard]);
    await using client = await TestClient.connect(served.url(path));
    expect(await client.request('echo', { room: { isOpen: true } })).toMatchObject({ event: '$reply' });
  });
});

@WebSocketGateway({ path })
class DetailedGateway {
  @SubscribeMessage('fail')
  fail(@MessageBody() error: object): never {
    throw new WsException(error);
  }
}

it.each([
  [{ code: 'SOLD_OUT', message: 'gone', details: { left: 0 } }, { left: 0 }],
  [
    { code: 'SOLD_OUT', message: 'gone', left: 0, details: 'more' },
    { left: 0, details: 'more' },
  ],
  [{ code: 'SOLD_OUT', message: 'gone', left: 0 }, { left: 0 }],
])('the details of WsException(%j) are not nested twice', async (error, details) => {
  await using served = await serve([DetailedGateway]);
  await using client = await TestClient.connect(served.url(path));
  await expect(client.request('fail', error)).rejects.toMatchObject({ code: 'SOLD_OUT', message: 'gone', details });
});
