import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  ConflictException,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  type PipeTransform,
  Scope,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { Connection, ConnectionRegistry, HoldfastException } from '@holdfast/gateway';
import { HandshakeRefused, TestClient } from '@holdfast/testing';
import { map, of, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { errorData, expectNoCrash, Fenced, serve, untilQuiet } from './support/dispatch.js';

expectNoCrash();

/** The handshake is everybody's. Of messages it lets those pass that do not say otherwise. */
function allows(context: ExecutionContext): boolean {
  const ws = context.switchToWs();
  return ws.getPattern() === '$connect' || ws.getData<{ forbidden?: boolean } | undefined>()?.forbidden !== true;
}

@Injectable()
class PoliteGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return allows(context);
  }
}

@Injectable()
class AsyncGuard implements CanActivate {
  canActivate(context: ExecutionContext): Promise<boolean> {
    return Promise.resolve(allows(context));
  }
}

@Injectable()
class StreamGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    return of(allows(context));
  }
}

@Injectable()
class ThrowingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (allows(context)) return true;
    throw new HoldfastException('CONFLICT', 'the guard says so');
  }
}

@WebSocketGateway({ path: '/open' })
class OpenGateway extends Fenced {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown, @ConnectedSocket() connection: unknown): unknown {
    expect(connection).toBeInstanceOf(Connection);
    return { data };
  }
}

describe('a guard that returns false for a message', () => {
  it.each([PoliteGuard, AsyncGuard, StreamGuard])('is FORBIDDEN, and ends nothing: %o', async (Guard) => {
    @UseGuards(Guard)
    @WebSocketGateway({ path: '/guarded' })
    class GuardedGateway extends Fenced {
      @SubscribeMessage('echo')
      echo(@MessageBody() data: unknown): unknown {
        return data;
      }
    }
    await using served = await serve([GuardedGateway]);
    await using client = await TestClient.connect(served.url('/guarded'));
    client.send({ event: 'echo', id: 1, data: { forbidden: true, secret: 'mine' } });
    client.send({ event: 'echo', id: 2, data: 'fine' });
    const frames = await untilQuiet(client);
    expect(frames).toEqual([
      { event: '$error', id: 1, data: errorData('FORBIDDEN') },
      { event: '$reply', id: 2, data: 'fine' },
    ]);
    expect(JSON.stringify(frames)).not.toContain('mine');
    expect(served.log.of('error')).toEqual([]);
    expect(served.counters.get('error', 'FORBIDDEN')).toBe(1);
  });

  it('is what it threw, where it threw', async () => {
    @WebSocketGateway({ path: '/guarded' })
    class GuardedGateway extends Fenced {
      @UseGuards(ThrowingGuard)
      @SubscribeMessage('echo')
      echo(@MessageBody() data: unknown): unknown {
        return data;
      }
    }
    await using served = await serve([GuardedGateway]);
    await using client = await TestClient.connect(served.url('/guarded'));
    client.send({ event: 'echo', id: 1, data: { forbidden: true } });
    expect(await untilQuiet(client)).toEqual([
      { event: '$error', id: 1, data: { code: 'CONFLICT', message: 'the guard says so' } },
    ]);
  });
});

describe('global enhancers', () => {
  it('APP_GUARD guards messages and the handshake', async () => {
    @Injectable()
    class QueryGuard implements CanActivate {
      constructor(private readonly registry: ConnectionRegistry) {}

      canActivate(context: ExecutionContext): boolean {
        expect(this.registry).toBeInstanceOf(ConnectionRegistry);
        const connection = context.switchToWs().getClient<Connection>();
        return connection.handshake.query.get('friend') === 'yes' && allows(context);
      }
    }
    await using served = await serve([OpenGateway, { provide: APP_GUARD, useClass: QueryGuard }]);
    const refusal: unknown = await TestClient.connect(served.url('/open')).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(HandshakeRefused);
    expect(refusal).toMatchObject({ status: 403 });
    await using client = await TestClient.connect(served.url('/open?friend=yes'));
    client.send({ event: 'echo', id: 1, data: { forbidden: true } });
    client.send({ event: 'echo', id: 2, data: 2 });
    expect(await untilQuiet(client)).toEqual([
      { event: '$error', id: 1, data: errorData('FORBIDDEN') },
      { event: '$reply', id: 2, data: { data: 2 } },
    ]);
  });

  it('APP_INTERCEPTOR sees messages, and what it makes of an answer is the answer', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Wrapping implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler) {
        const pattern = context.switchToWs().getPattern();
        return next.handle().pipe(
          tap({ error: (error: unknown) => seen.push([pattern, error instanceof Error && error.message]) }),
          map((value: unknown) => (pattern === 'echo' ? { wrapped: value } : value)),
        );
      }
    }
    @WebSocketGateway({ path: '/failing' })
    class FailingGateway extends Fenced {
      @SubscribeMessage('fail')
      fail(): never {
        throw new ConflictException('changed');
      }
    }
    await using served = await serve([OpenGateway, FailingGateway, { provide: APP_INTERCEPTOR, useClass: Wrapping }]);
    await using client = await TestClient.connect(served.url('/open'));
    client.send({ event: 'echo', id: 1, data: 'x' });
    expect(await untilQuiet(client)).toEqual([{ event: '$reply', id: 1, data: { wrapped: { data: 'x' } } }]);
    await using failing = await TestClient.connect(served.url('/failing'));
    failing.send({ event: 'fail', id: 1 });
    expect(await untilQuiet(failing)).toEqual([{ event: '$error', id: 1, data: errorData('CONFLICT') }]);
    expect(seen).toEqual([['fail', 'changed']]);
  });

  it('APP_PIPE changes what the handler gets, not the connection', async () => {
    @Injectable()
    class Shouting implements PipeTransform {
      transform(value: unknown): unknown {
        return typeof value === 'string' ? value.toUpperCase() : value;
      }
    }
    await using served = await serve([OpenGateway, { provide: APP_PIPE, useClass: Shouting }]);
    await using client = await TestClient.connect(served.url('/open'));
    client.send({ event: 'echo', id: 1, data: 'x' });
    expect(await untilQuiet(client)).toEqual([{ event: '$reply', id: 1, data: { data: 'X' } }]);
  });

  it('a request-scoped APP_GUARD stops the boot with an explanation, because Nest would skip it', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGuard implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    const boot = serve([OpenGateway, { provide: APP_GUARD, useClass: ScopedGuard }]);
    await expect(boot).rejects.toMatchObject({ code: 'INVALID_GATEWAY' });
    await expect(boot).rejects.toThrow(/ScopedGuard is request-scoped.*@UseGuards/s);
  });

  it('others that are request-scoped are named at boot: Nest does not run them on gateways', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Scoped implements NestInterceptor, PipeTransform {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle();
      }

      transform(value: unknown): unknown {
        return value;
      }

      catch(): void {}
    }
    const tokens = [APP_INTERCEPTOR, APP_PIPE, APP_FILTER];
    await using served = await serve([OpenGateway, ...tokens.map((provide) => ({ provide, useClass: Scoped }))]);
    const warnings = served.log.of('warn').filter((line) => line.includes('does not run on gateways'));
    expect(warnings).toHaveLength(3);
    for (const warning of warnings) expect(warning).toContain('Scoped');
  });
});

describe('what guards, interceptors and pipes see', () => {
  it('is the connection, the data, the event and its handler', async () => {
    const seen: unknown[] = [];
    class Looking implements CanActivate {
      canActivate(context: ExecutionContext & ArgumentsHost): boolean {
        const ws = context.switchToWs();
        if (ws.getPattern() !== '$connect')
          seen.push({
            type: context.getType(),
            class: context.getClass().name,
            handler: context.getHandler().name,
            client: ws.getClient<unknown>() instanceof Connection,
            data: ws.getData<unknown>(),
            pattern: ws.getPattern(),
            firstArguments: context.getArgs().slice(1, 3),
          });
        return true;
      }
    }
    @UseGuards(Looking)
    @WebSocketGateway({ path: '/looked-at' })
    class LookedAtGateway {
      @SubscribeMessage('look')
      look(): void {}

      @SubscribeMessage('look again')
      lookAgain(@MessageBody() data: unknown): unknown {
        return data;
      }
    }
    await using served = await serve([LookedAtGateway]);
    await using client = await TestClient.connect(served.url('/looked-at'));
    await client.request('look', 1);
    await client.request('look again', 1);
    const common = { type: 'ws', class: 'LookedAtGateway', client: true, data: 1 };
    expect(seen).toEqual([
      { ...common, handler: 'look', pattern: 'look', firstArguments: [1, 'look'] },
      { ...common, handler: 'lookAgain', pattern: 'look again', firstArguments: [1, 'look again'] },
    ]);
  });

  it('is refused as APPLICATION when it throws a WsException of its own', async () => {
    class Choosy implements PipeTransform {
      transform(value: unknown): unknown {
        if (value === 'bad') throw new WsException('not this one');
        return value;
      }
    }
    @WebSocketGateway({ path: '/choosy' })
    class ChoosyGateway extends Fenced {
      @SubscribeMessage('take')
      take(@MessageBody(Choosy) data: unknown): unknown {
        return data;
      }
    }
    await using served = await serve([ChoosyGateway]);
    await using client = await TestClient.connect(served.url('/choosy'));
    client.send({ event: 'take', id: 1, data: 'bad' });
    client.send({ event: 'take', id: 2, data: 'good' });
    expect(await untilQuiet(client)).toEqual([
      { event: '$error', id: 1, data: { code: 'APPLICATION', message: 'not this one' } },
      { event: '$reply', id: 2, data: 'good' },
    ]);
  });
});
