import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  HttpException,
  Injectable,
  SetMetadata,
  type Type,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { AuthGuard, type Connection, HoldfastException, HoldfastGateway } from '@holdfast/gateway';
import { type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { countersOf, Gate, granted, refused, secret, start, tokenFor } from './support/admission.js';
import { LogRecorder } from './support/log-recorder.js';

/** A gateway behind a guard that does `decide`. */
function guardedBy(decide: (context: ExecutionContext) => boolean | Promise<boolean>): Type {
  @Injectable()
  class Guard implements CanActivate {
    canActivate(context: ExecutionContext): boolean | Promise<boolean> {
      return decide(context);
    }
  }

  @UseGuards(Guard)
  @WebSocketGateway({ path: '/guarded' })
  class GuardedGateway {
    @SubscribeMessage('hello')
    hello(): string {
      return 'hello';
    }
  }
  return GuardedGateway;
}

function throwing(error: unknown): Type {
  return guardedBy(() => {
    throw error;
  });
}

async function answerOf(app: HoldfastTestApp): Promise<Awaited<ReturnType<typeof refused>>> {
  return refused(app.url('/guarded'));
}

describe('what a guard of the application says, and what the client hears', () => {
  it.each<[string, Type, number, string]>([
    ['false', guardedBy(() => false), 403, 'FORBIDDEN'],
    ['false, later', guardedBy(async () => false), 403, 'FORBIDDEN'],
    ['ForbiddenException', throwing(new ForbiddenException('members only')), 403, 'FORBIDDEN'],
    ['UnauthorizedException', throwing(new UnauthorizedException('who?')), 401, 'UNAUTHORIZED'],
    ['HoldfastException', throwing(new HoldfastException('FORBIDDEN', 'no')), 403, 'FORBIDDEN'],
    ['WsException', throwing(new WsException('no')), 403, 'APPLICATION'],
    [
      'an exception with a code of the application',
      throwing(new WsException({ code: 'BANNED', message: 'no' })),
      403,
      'BANNED',
    ],
    ['429', throwing(new HttpException('slow down', 429)), 429, 'RATE_LIMITED'],
    ['402', throwing(new HttpException('pay first', 402)), 402, 'BAD_REQUEST'],
    ['a redirect, which no WebSocket client follows', throwing(new HttpException('there', 302)), 500, 'INTERNAL'],
  ])('%s', async (_, gateway, status, code) => {
    await using app = await start({ gateways: [gateway] });
    const answer = await answerOf(app);
    expect(answer).toMatchObject({ status, code });
    expect(answer.headers['www-authenticate'] !== undefined).toBe(status === 401);
  });

  it.each<[string, unknown]>([
    ['an error', new TypeError('password of the database is hunter2')],
    ['a string', 'hunter2'],
    ['nothing', undefined],
    ['an error with a status of its own', Object.assign(new Error('hunter2'), { status: 200, code: 'hunter2' })],
    [
      'something that cannot be read',
      Object.create(null, {
        message: {
          get: () => {
            throw new Error('hunter2');
          },
        },
      }),
    ],
  ])('%s: 500 that says nothing of the inside, a line in the log, and the process lives', async (_, error) => {
    const logger = new LogRecorder();
    await using app = await start({ gateways: [throwing(error)], logger });
    const answer = await answerOf(app);
    expect(answer).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(JSON.stringify(answer)).not.toMatch(/hunter2|TypeError|\.ts/);
    expect(logger.of('error')).toHaveLength(1);
    expect(await answerOf(app)).toMatchObject({ status: 500 });
  });

  it('a message with a line break in it stays inside the body', async () => {
    await using app = await start({ gateways: [throwing(new ForbiddenException('a\r\nSet-Cookie: x=1\r\n\r\nb'))] });
    const answer = await answerOf(app);
    expect(answer.headers).not.toHaveProperty('set-cookie');
    expect(answer.message).toBe('a\r\nSet-Cookie: x=1\r\n\r\nb');
  });

  it('a guard that never decides: 503 HANDSHAKE_TIMEOUT (2.3)', async () => {
    const options = { admission: { handshakeTimeoutMs: 150 } };
    await using app = await start({ gateways: [guardedBy(() => new Promise(() => undefined))], options });
    const answer = await answerOf(app);
    expect(answer).toMatchObject({ status: 503, code: 'HANDSHAKE_TIMEOUT', retryAfterMs: 2_000 });
    expect(countersOf(app).get('refused', 'HANDSHAKE_TIMEOUT')).toBe(1);
  });

  it('a guard that fails when it is too late harms nobody', async () => {
    const gate = new Gate();
    const gateway = guardedBy(async () => {
      await gate.pass();
      throw new Error('too late');
    });
    await using app = await start({ gateways: [gateway], options: { admission: { handshakeTimeoutMs: 100 } } });
    expect(await answerOf(app)).toMatchObject({ status: 503 });
    gate.open();
    expect(await answerOf(app)).toMatchObject({ status: 500 });
  });
});

describe('what a guard is given at the upgrade', () => {
  it('the connection, the request, the pattern $connect, and the metadata of the hook and the class', async () => {
    const seen: unknown[] = [];
    const Role = (role: string): MethodDecorator & ClassDecorator => SetMetadata('role', role);

    @Injectable()
    class RoleGuard implements CanActivate {
      constructor(private readonly reflector: Reflector) {}

      canActivate(context: ExecutionContext): boolean {
        const ws = context.switchToWs();
        const { handshake, state } = ws.getClient<Connection>();
        const url = ws.getData<{ url: string } | undefined>()?.url;
        const roles = this.reflector.getAll<string[]>('role', [context.getHandler(), context.getClass()]);
        const { name } = context.getClass();
        seen.push([context.getType(), ws.getPattern(), name, handshake.route, state, url, roles]);
        return true;
      }
    }

    @Role('of the class')
    @UseGuards(RoleGuard)
    @WebSocketGateway({ path: '/roles' })
    class RoleGateway {
      @Role('of the hook')
      handleConnection(): void {
        seen.push('connected');
      }

      @Role('of the handler')
      @SubscribeMessage('act')
      act(): string {
        return 'done';
      }
    }

    await using app = await start({ gateways: [RoleGateway] });
    await using client = await TestClient.connect(app.url('/roles?x=1'));
    await client.request('act');
    const handshake = ['ws', '$connect', 'RoleGateway', '/roles', 'admitting', '/roles?x=1'];
    expect(seen[0]).toEqual([...handshake, ['of the hook', 'of the class']]);
    expect(seen[1]).toBe('connected');
    expect(seen[2]).toMatchObject([
      'ws',
      'act',
      'RoleGateway',
      '/roles',
      'open',
      undefined,
      ['of the handler', 'of the class'],
    ]);
  });

  it('a guard on the hook alone guards the handshake, and no message', async () => {
    const seen: string[] = [];

    @Injectable()
    class Guard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        seen.push(context.switchToWs().getPattern());
        return context.switchToWs().getClient<Connection>().handshake.query.has('yes');
      }
    }

    @WebSocketGateway({ path: '/hook' })
    class HookGateway {
      @UseGuards(Guard)
      handleConnection(): void {}

      @SubscribeMessage('act')
      act(): string {
        return 'done';
      }
    }

    await using app = await start({ gateways: [HookGateway] });
    expect(await refused(app.url('/hook'))).toMatchObject({ status: 403 });
    await using client = await TestClient.connect(app.url('/hook?yes'));
    await client.request('act');
    expect(seen).toEqual(['$connect', '$connect']);
  });

  it('a global guard guards every handshake', async () => {
    class Doorman implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        return context.switchToWs().getClient<Connection>().handshake.query.get('password') === 'please';
      }
    }

    @WebSocketGateway({ path: '/door' })
    class DoorGateway {}

    await using app = await start({
      gateways: [DoorGateway],
      providers: [{ provide: APP_GUARD, useClass: Doorman }],
    });
    expect(await refused(app.url('/door'))).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    (await granted(app.url('/door?password=please'))).socket.destroy();
  });

  it('onHandshake comes after the guards, and what it throws refuses the client before the 101', async () => {
    @UseGuards(AuthGuard)
    @WebSocketGateway({ path: '/club' })
    class ClubGateway extends HoldfastGateway {
      override onHandshake({ principal }: Connection): void {
        if (principal?.subject !== 'ada') throw new ForbiddenException('not on the list');
      }
    }

    await using app = await start({ gateways: [ClubGateway], options: { auth: { secret } } });
    const [ada, bob] = await Promise.all([tokenFor('ada'), tokenFor('bob')]);
    expect(await refused(app.url('/club'))).toMatchObject({ status: 401 });
    const headers = { Authorization: `Bearer ${bob}` };
    expect(await refused(app.url('/club'), { headers })).toMatchObject({ status: 403, message: 'not on the list' });
    (await granted(app.url('/club'), { headers: { Authorization: `Bearer ${ada}` } })).socket.destroy();
  });
});
