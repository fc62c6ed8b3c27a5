import {
  type ArgumentsHost,
  BadRequestException,
  Catch,
  ConflictException,
  type ExceptionFilter,
  HttpException,
  type Provider,
  type Type,
  UseFilters,
} from '@nestjs/common';
import { APP_FILTER, BaseExceptionFilter } from '@nestjs/core';
import {
  BaseWsExceptionFilter,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { type Connection, HoldfastException, HoldfastExceptionFilter } from '@holdfast/gateway';
import { TestClient, type TestFrame } from '@holdfast/testing';
import { concat, of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { errorData, expectNoCrash, Fenced, serve, type Served, untilQuiet } from './support/dispatch.js';

expectNoCrash();

const failures: Record<string, () => unknown> = {
  ws: () => new WsException('not now'),
  http: () => new ConflictException('changed'),
  fault: () => new TypeError('secret of the programmer'),
};

/** A gateway with some filters on its class, whose handlers fail as they are asked to. */
function failingWith(...filters: (ExceptionFilter | Type<ExceptionFilter>)[]) {
  @UseFilters(...filters)
  @WebSocketGateway({ path: '/fail' })
  class FailGateway extends Fenced {
    @SubscribeMessage('fail')
    async fail(@MessageBody('how') how: string): Promise<never> {
      throw failures[how]!();
    }

    @SubscribeMessage('stream')
    stream(@MessageBody('how') how: string) {
      return concat(
        of(1, 2),
        throwError(() => failures[how]!()),
      );
    }
  }
  return FailGateway;
}

async function ask(served: Served, how: string, id: { readonly id?: number } = { id: 1 }, event = 'fail') {
  await using client = await TestClient.connect(served.url('/fail'));
  client.send({ event, ...id, data: { how, payload: 'of the client' } });
  return await untilQuiet(client);
}

const failed = (code: string): TestFrame => ({ event: '$error', id: 1, data: errorData(code) });
const told = (code: string): TestFrame => ({ event: '$error', data: errorData(code) });

@Catch()
class Swallowing implements ExceptionFilter {
  catch(): void {}
}

@Catch()
class Answering implements ExceptionFilter {
  catch(exception: unknown, host: ArgumentsHost): void {
    const connection = host.switchToWs().getClient<Connection>();
    connection.emit('failed', exception instanceof Error && exception.message);
  }
}

@Catch()
class AnsweringLater implements ExceptionFilter {
  async catch(exception: unknown, host: ArgumentsHost): Promise<void> {
    await Promise.resolve();
    new Answering().catch(exception, host);
  }
}

@Catch()
class Rejecting implements ExceptionFilter {
  async catch(): Promise<void> {
    await Promise.resolve();
    throw new Error('secret of the filter');
  }
}

@Catch()
class Crashing implements ExceptionFilter {
  catch(_exception: unknown, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<{ status(code: number): void }>().status(500);
  }
}

@Catch(HttpException)
class Translating implements ExceptionFilter {
  catch(): never {
    throw new HoldfastException('NOT_FOUND', 'translated');
  }
}

@Catch(HttpException)
class TranslatingLater implements ExceptionFilter {
  async catch(): Promise<never> {
    await Promise.resolve();
    throw new WsException({ code: 'NOT_FOUND', message: 'translated' });
  }
}

@Catch(WsException)
class OnlyWs extends Answering {}

class Extending extends BaseWsExceptionFilter {
  constructor() {
    super({ includeCause: false });
  }

  override catch(exception: unknown, host: ArgumentsHost): void {
    super.catch(exception, host);
  }
}
Catch()(Extending);

describe.each<[where: string, boot: (filter: Type<ExceptionFilter>) => Promise<Served>]>([
  ['of a class', (filter) => serve([failingWith(filter)])],
  ['of a class, as an instance', (filter) => serve([failingWith(new filter())])],
  ['APP_FILTER', (filter) => serve([failingWith(), { provide: APP_FILTER, useClass: filter }])],
  ['useGlobalFilters', (filter) => serve([failingWith()], { configure: (app) => app.useGlobalFilters(new filter()) })],
])('a filter %s', (_where, boot) => {
  it.each([Answering, AnsweringLater])(
    'that sends something: a request still gets its one $error (%o)',
    async (filter) => {
      await using served = await boot(filter);
      const own = { event: 'failed', data: 'not now' };
      expect(await ask(served, 'ws')).toEqual([own, failed('APPLICATION')]);
      expect(await ask(served, 'ws', {})).toEqual([own]);
      // Who answers a fault has seen it.
      await ask(served, 'fault');
      expect(served.log.of('error')).toEqual([]);
    },
  );

  it('that emits `exception` as Nest does', async () => {
    await using served = await boot(Extending);
    const own = { event: 'exception', data: { status: 'error', message: 'not now' } };
    expect(await ask(served, 'ws')).toEqual([own, failed('APPLICATION')]);
    expect(await ask(served, 'ws', {})).toEqual([own]);
    expect(await ask(served, 'fault')).toEqual([
      { event: 'exception', data: { status: 'error', message: 'Internal server error' } },
      failed('INTERNAL'),
    ]);
  });

  it('that only looks on leaves the answer, and the log of faults, to the default', async () => {
    await using served = await boot(Swallowing);
    expect(await ask(served, 'http')).toEqual([failed('CONFLICT')]);
    expect(await ask(served, 'http', {})).toEqual([told('CONFLICT')]);
    expect(served.log.of('error')).toEqual([]);
    expect(await ask(served, 'fault', {})).toEqual([told('INTERNAL')]);
    expect(served.log.of('error')).toHaveLength(1);
    expect(served.log.of('error')[0]).toContain('secret of the programmer');
  });

  it.each([
    [Crashing, /status/],
    [Rejecting, /secret of the filter/],
  ])('that fails itself: %o costs nothing but a line in the log', async (filter, trace) => {
    await using served = await boot(filter);
    expect(await ask(served, 'http')).toEqual([failed('CONFLICT')]);
    expect(await ask(served, 'ws', {})).toEqual([told('APPLICATION')]);
    expect(served.log.of('error')).toHaveLength(2);
    expect(served.log.of('error')[0]).toMatch(/The exception filter \w+ failed on "\w+" of FailGateway\.fail/);
    expect(served.log.of('error')[0]).toMatch(trace);
  });

  it.each([Translating, TranslatingLater])('that throws an exception to be answered: %o', async (filter) => {
    await using served = await boot(filter);
    expect(await ask(served, 'http')).toEqual([failed('NOT_FOUND')]);
    expect(await ask(served, 'http', {})).toEqual([told('NOT_FOUND')]);
    expect(await ask(served, 'ws')).toEqual([failed('APPLICATION')]);
  });

  it('that is for other exceptions is not asked', async () => {
    await using served = await boot(OnlyWs);
    expect(await ask(served, 'http')).toEqual([failed('CONFLICT')]);
    expect(await ask(served, 'ws')).toEqual([{ event: 'failed', data: 'not now' }, failed('APPLICATION')]);
  });

  it.each([Answering, AnsweringLater])('catches what a stream fails with, too (%o)', async (filter) => {
    await using served = await boot(filter);
    await using client = await TestClient.connect(served.url('/fail'));
    client.send({ event: 'stream', id: 1, data: { how: 'ws' } });
    const frames: TestFrame[] = [];
    do frames.push(await client.next());
    while (frames.at(-1)!.event !== '$error');
    expect([...frames, ...(await untilQuiet(client))]).toEqual([
      { event: '$next', id: 1, data: 1 },
      { event: '$next', id: 1, data: 2 },
      { event: 'failed', data: 'not now' },
      failed('APPLICATION'),
    ]);
  });
});

describe('several filters', () => {
  const global = (...filters: Type<ExceptionFilter>[]): Provider[] =>
    filters.map((useClass) => ({ provide: APP_FILTER, useClass }));

  it('that are global are asked from the last to the first, as in HTTP', async () => {
    await using served = await serve([failingWith(), ...global(Swallowing, OnlyWs)]);
    expect(await ask(served, 'ws')).toEqual([{ event: 'failed', data: 'not now' }, failed('APPLICATION')]);
    await using reversed = await serve([failingWith(), ...global(OnlyWs, Swallowing)]);
    expect(await ask(reversed, 'ws')).toEqual([failed('APPLICATION')]);
  });

  it('of a class come before global ones', async () => {
    await using served = await serve([failingWith(OnlyWs), ...global(Extending)]);
    expect(await ask(served, 'ws')).toEqual([{ event: 'failed', data: 'not now' }, failed('APPLICATION')]);
    expect((await ask(served, 'http')).map(({ event }) => event)).toEqual(['exception', '$error']);
  });

  it('of a method come before those of a class', async () => {
    @UseFilters(Answering)
    @WebSocketGateway({ path: '/fail' })
    class MethodGateway extends Fenced {
      @UseFilters(Translating)
      @SubscribeMessage('fail')
      fail(@MessageBody('how') how: string): never {
        throw failures[how]!();
      }
    }
    await using served = await serve([MethodGateway]);
    expect(await ask(served, 'http')).toEqual([failed('NOT_FOUND')]);
    expect(await ask(served, 'ws')).toEqual([{ event: 'failed', data: 'not now' }, failed('APPLICATION')]);
  });
});

it('a filter written for HTTP, Nest’s own with its adapter, leaves messages to the default', async () => {
  @Catch()
  class HttpFilter extends BaseExceptionFilter {}
  await using served = await serve([failingWith(), { provide: APP_FILTER, useClass: HttpFilter }]);
  // Nest gives it the message as if it were the response: also a message that looks like one.
  await using client = await TestClient.connect(served.url('/fail'));
  client.send({ event: 'fail', id: 1, data: { how: 'http' } });
  client.send({ event: 'fail', id: 2, data: { how: 'http', headersSent: true, statusCode: 200 } });
  client.send({ event: 'fail', data: { how: 'http' } });
  client.send({ event: 'fail', id: 3, data: null });
  expect(await untilQuiet(client)).toEqual([
    { ...failed('CONFLICT'), id: 1 },
    { ...failed('CONFLICT'), id: 2 },
    told('CONFLICT'),
    { ...failed('INTERNAL'), id: 3 },
  ]);
});

it('the default filter may be named, and changes nothing', async () => {
  await using served = await serve([failingWith(HoldfastExceptionFilter)]);
  expect(await ask(served, 'http')).toEqual([failed('CONFLICT')]);
  await using method = await serve([failingWith(), { provide: APP_FILTER, useClass: HoldfastExceptionFilter }]);
  expect(await ask(method, 'http')).toEqual([failed('CONFLICT')]);
  expect(await ask(method, 'fault', {})).toEqual([told('INTERNAL')]);
  expect(method.log.of('error')).toHaveLength(1);
});

it('a filter class whose catch is a property stops the boot: it could not be watched', async () => {
  @Catch()
  class Arrow {
    catch = (): void => undefined;
  }
  const boot = serve([failingWith(Arrow)]);
  await expect(boot).rejects.toMatchObject({ code: 'INVALID_GATEWAY' });
  await expect(boot).rejects.toThrow(/Arrow has no method "catch"/);
  // An instance can be watched.
  await using served = await serve([failingWith(new Arrow())]);
  expect(await ask(served, 'http')).toEqual([failed('CONFLICT')]);
});

it('a filter still works outside of gateways', async () => {
  const filter = new Answering();
  await using served = await serve([failingWith(filter)]);
  await ask(served, 'ws');
  const outside = { getType: () => 'http', switchToWs: () => ({ getClient: () => ({ emit: () => undefined }) }) };
  // Only as much of a host as the filter looks at.
  expect(() => filter.catch(new BadRequestException(), outside as unknown as ArgumentsHost)).not.toThrow();
});
