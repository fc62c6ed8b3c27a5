import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  ConflictException,
  type ExceptionFilter,
  type ExecutionContext,
  ForbiddenException,
  HttpException,
  Injectable,
  type NestInterceptor,
  type Provider,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, BaseExceptionFilter } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Connection } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { EMPTY, NEVER, of, tap, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type Refused, refused, registryOf, start } from './support/admission.js';

class DomainError extends Error {}

class Refusing implements CanActivate {
  canActivate(): boolean {
    throw new DomainError('hunter2');
  }
}

async function answerOf(gateway: Type, providers: Provider[] = [], handshakeTimeoutMs = 10_000): Promise<Refused> {
  await using app = await start({ gateways: [gateway], providers, options: { admission: { handshakeTimeoutMs } } });
  const answer = await refused(app.url('/it'));
  expect(registryOf(app).size).toBe(0);
  // And the process still serves whoever comes next.
  expect(await refused(app.url('/it'))).toMatchObject({ status: answer.status });
  return answer;
}

describe('filters at the upgrade', () => {
  function filteredBy(filter: ExceptionFilter | Type<ExceptionFilter>): Type {
    @UseFilters(filter)
    @UseGuards(Refusing)
    @WebSocketGateway({ path: '/it' })
    class FilteredGateway {}
    return FilteredGateway;
  }

  it('one that maps the exception decides what the client hears', async () => {
    @Catch(DomainError)
    class Mapping implements ExceptionFilter {
      catch(): void {
        throw new ConflictException('you are here already');
      }
    }
    const answer = await answerOf(filteredBy(Mapping));
    expect(answer).toMatchObject({ status: 409, code: 'CONFLICT', message: 'you are here already' });
  });

  it('one that maps it later does so, too', async () => {
    @Catch(DomainError)
    class Mapping implements ExceptionFilter {
      async catch(): Promise<void> {
        await Promise.resolve();
        throw new ConflictException('you are here already');
      }
    }
    expect(await answerOf(filteredBy(new Mapping()))).toMatchObject({ status: 409, code: 'CONFLICT' });
  });

  it.each<[string, () => unknown]>([
    ['returns nothing', () => undefined],
    ['returns true', () => true],
    ['returns an observable, as message filters do', () => of({ event: 'fine', data: 1 })],
    ['resolves', () => Promise.resolve('fine')],
  ])('one that swallows the exception and %s admits nobody', async (_, result) => {
    @Catch()
    class Swallowing implements ExceptionFilter {
      catch(): unknown {
        return result();
      }
    }
    expect(await answerOf(filteredBy(Swallowing))).toMatchObject({ status: 500, code: 'INTERNAL' });
  });

  it('one that swallows a refusal leaves it a refusal', async () => {
    class Forbidding implements CanActivate {
      canActivate(): boolean {
        throw new ForbiddenException('members only');
      }
    }

    @Catch()
    class Swallowing implements ExceptionFilter {
      catch(): void {}
    }

    @UseFilters(Swallowing)
    @UseGuards(Forbidding)
    @WebSocketGateway({ path: '/it' })
    class Gateway {}
    expect(await answerOf(Gateway)).toMatchObject({ status: 403, code: 'FORBIDDEN', message: 'members only' });
  });

  it('one that is for something else is not asked', async () => {
    @Catch(HttpException)
    class Other implements ExceptionFilter {
      catch(): void {
        throw new ConflictException();
      }
    }
    expect(await answerOf(filteredBy(Other))).toMatchObject({ status: 500, code: 'INTERNAL' });
  });

  it('one that speaks to a client that is not there yet breaks nothing', async () => {
    @Catch()
    class Emitting implements ExceptionFilter {
      catch(_: unknown, host: ArgumentsHost): void {
        host.switchToWs().getClient<Connection>().emit('exception', { message: 'no' });
      }
    }
    expect(await answerOf(filteredBy(Emitting))).toMatchObject({ status: 500 });
  });

  it('a global one that maps the exception is asked, too', async () => {
    @UseGuards(Refusing)
    @WebSocketGateway({ path: '/it' })
    class Gateway {}

    @Catch(DomainError)
    class Mapping implements ExceptionFilter {
      catch(): void {
        throw new ConflictException('from the global filter');
      }
    }
    const answer = await answerOf(Gateway, [{ provide: APP_FILTER, useClass: Mapping }]);
    expect(answer).toMatchObject({ status: 409, message: 'from the global filter' });
  });

  it('a global one that was made for HTTP leaves the client with a status and the process alive', async () => {
    class Forbidding implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }

    @UseGuards(Forbidding)
    @WebSocketGateway({ path: '/it' })
    class Gateway {}

    @Catch()
    class HttpOnly extends BaseExceptionFilter {
      override catch(exception: unknown, host: ArgumentsHost): void {
        super.catch(exception, host);
      }
    }
    expect(await answerOf(Gateway, [{ provide: APP_FILTER, useClass: HttpOnly }])).toMatchObject({ status: 403 });
  });
});

describe('interceptors at the upgrade', () => {
  function interceptedBy(intercept: NestInterceptor['intercept']): Type {
    @Injectable()
    class Interceptor implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler): ReturnType<NestInterceptor['intercept']> {
        return intercept(context, next);
      }
    }

    @UseInterceptors(Interceptor)
    @WebSocketGateway({ path: '/it' })
    class InterceptedGateway {
      @SubscribeMessage('hello')
      hello(): string {
        return 'hello';
      }
    }
    return InterceptedGateway;
  }

  it.each<[string, NestInterceptor['intercept'], number, string]>([
    [
      'throws',
      () => {
        throw new Error('hunter2');
      },
      500,
      'INTERNAL',
    ],
    ['rejects', () => Promise.reject(new Error('hunter2')), 500, 'INTERNAL'],
    ['gives an observable that fails', () => throwError(() => new ForbiddenException()), 403, 'FORBIDDEN'],
    ['decides without asking', () => of(true), 500, 'INTERNAL'],
    ['says nothing at all', () => EMPTY, 500, 'INTERNAL'],
    ['never ends', () => NEVER, 503, 'HANDSHAKE_TIMEOUT'],
  ])('one that %s admits nobody', async (_, intercept, status, code) => {
    const answer = await answerOf(interceptedBy(intercept), [], 200);
    expect(answer).toMatchObject({ status, code });
    expect(answer.body).not.toContain('hunter2');
  });

  it('one that lets pass sees the handshake before the connection is open, and then the messages', async () => {
    const seen: string[] = [];
    const gateway = interceptedBy((context, next) => {
      const ws = context.switchToWs();
      const { state } = ws.getClient<Connection>();
      seen.push(`${ws.getPattern()} ${state}`);
      return next.handle().pipe(tap({ complete: () => seen.push('done') }));
    });
    await using app = await start({ gateways: [gateway] });
    await using client = await TestClient.connect(app.url('/it'));
    expect(await client.request('hello')).toMatchObject({ data: 'hello' });
    expect(seen).toEqual(['$connect admitting', 'done', 'hello open', 'done']);
  });

  it('a global one runs, too', async () => {
    @WebSocketGateway({ path: '/it' })
    class Gateway {}

    class Closed implements NestInterceptor {
      intercept(): never {
        throw new HttpException('closed for today', 503);
      }
    }
    const answer = await answerOf(Gateway, [{ provide: APP_INTERCEPTOR, useClass: Closed }]);
    expect(answer).toMatchObject({ status: 503, code: 'UNAVAILABLE', message: 'closed for today' });
  });
});
