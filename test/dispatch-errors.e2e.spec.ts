import {
  BadRequestException,
  ConflictException,
  createParamDecorator,
  ForbiddenException,
  GatewayTimeoutException,
  HttpException,
  HttpStatus,
  InternalServerErrorException,
  NotFoundException,
  PayloadTooLargeException,
  RequestTimeoutException,
  ServiceUnavailableException,
  UnauthorizedException,
  UnprocessableEntityException,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { AuthenticationError, HoldfastException } from '@holdfast/gateway';
import { TestClient, type TestFrame } from '@holdfast/testing';
import { Type } from 'class-transformer';
import { IsInt, IsString, Max, ValidateNested } from 'class-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorData, expectNoCrash, Fenced, serve, type Served, untilQuiet } from './support/dispatch.js';

expectNoCrash();

class Item {
  @IsInt()
  @Max(10)
  amount: number;
}

class Order {
  @IsString()
  name: string;

  @ValidateNested()
  @Type(() => Item)
  items: Item[];
}

const Refusing = createParamDecorator(() => {
  throw new UnauthorizedException('not you');
});

const failures: Record<string, () => unknown> = {
  'WsException of text': () => new WsException('not now'),
  'WsException of an object': () => new WsException({ code: 'SOLD_OUT', message: 'all gone', left: 0 }),
  'WsException of an object without a code': () => new WsException({ message: 'all gone' }),
  'WsException of a list': () => new WsException(['a', 'b']),
  'WsException that is circular': () => {
    const body: Record<string, unknown> = { message: 'round' };
    body['self'] = body;
    return new WsException(body);
  },
  BadRequest: () => new BadRequestException('what?'),
  Unauthorized: () => new UnauthorizedException('who?'),
  Forbidden: () => new ForbiddenException('not you'),
  NotFound: () => new NotFoundException('where?'),
  RequestTimeout: () => new RequestTimeoutException('too slow'),
  Conflict: () => new ConflictException('changed'),
  TooLarge: () => new PayloadTooLargeException('too much'),
  Unprocessable: () => new UnprocessableEntityException('no sense'),
  TooMany: () => new HttpException('slow down', HttpStatus.TOO_MANY_REQUESTS),
  Teapot: () => new HttpException('short and stout', HttpStatus.I_AM_A_TEAPOT),
  Unavailable: () => new ServiceUnavailableException('back soon'),
  Internal: () => new InternalServerErrorException('we are sorry'),
  GatewayTimeout: () => new GatewayTimeoutException('they are slow'),
  'HttpException of an object': () =>
    new ConflictException({ code: 'NOT_FOUND', message: 'gone', details: { since: 'today' } }),
  'HttpException of an object without a message': () => new ConflictException({ reason: 'x' }),
  HoldfastException: () => new HoldfastException('CONFLICT', 'changed', { version: 7 }),
  'HoldfastException INTERNAL': () => new HoldfastException('INTERNAL', 'we are sorry'),
  AuthenticationError: () => new AuthenticationError('TOKEN_EXPIRED', 'its time is over'),
  TypeError: () => new TypeError('secret of the programmer'),
  'an object': () => ({ message: 'secret object', code: 'SECRET', status: 400 }),
  'a hostile object': () =>
    new Proxy(new Error('secret'), {
      get() {
        throw new Error('secret of the proxy');
      },
      getPrototypeOf() {
        throw new Error('secret of the proxy');
      },
    }),
};

@WebSocketGateway({ path: '/fail' })
class FailGateway extends Fenced {
  @SubscribeMessage('fail')
  fail(@MessageBody('how') how: string): never {
    throw failures[how]!();
  }

  @UsePipes(new ValidationPipe())
  @SubscribeMessage('order')
  order(@MessageBody() order: Order): string {
    return `ordered ${order.name}`;
  }

  @SubscribeMessage('unprocessable')
  unprocessable(
    @MessageBody(new ValidationPipe({ errorHttpStatusCode: HttpStatus.UNPROCESSABLE_ENTITY })) order: Order,
  ): string {
    return `ordered ${order.name}`;
  }

  @SubscribeMessage('raw')
  raw(
    @MessageBody(new ValidationPipe({ exceptionFactory: (errors) => new WsException(errors) })) order: Order,
  ): string {
    return `ordered ${order.name}`;
  }

  @SubscribeMessage('raw object')
  rawObject(
    @MessageBody(
      new ValidationPipe({ exceptionFactory: (errors) => new WsException({ code: 'VALIDATION_FAILED', errors }) }),
    )
    order: Order,
  ): string {
    return `ordered ${order.name}`;
  }

  @SubscribeMessage('raw http')
  rawHttp(
    @MessageBody(new ValidationPipe({ exceptionFactory: (errors) => new BadRequestException(errors) })) order: Order,
  ) {
    return `ordered ${order.name}`;
  }

  @SubscribeMessage('twice wrong')
  twiceWrong(@MessageBody(new ValidationPipe()) order: Order, @Refusing() nobody: unknown): string {
    return `ordered ${order.name} for ${String(nobody)}`;
  }

  @SubscribeMessage('wrong twice')
  wrongTwice(@Refusing() nobody: unknown, @MessageBody(new ValidationPipe()) order: Order): string {
    return this.twiceWrong(order, nobody);
  }
}

let served: Served;
beforeAll(async () => {
  served = await serve([FailGateway]);
});
afterAll(() => served[Symbol.asyncDispose]());

async function ask(event: string, data: unknown, id: { readonly id?: number } = { id: 1 }): Promise<TestFrame[]> {
  await using client = await TestClient.connect(served.url('/fail'));
  client.send({ event, ...id, data });
  return await untilQuiet(client);
}

const errorLines = (): number => served.log.of('error').length;

describe('an exception becomes one stable error frame (PROTOCOL 7.1)', () => {
  it.each<[how: string, data: Record<string, unknown>]>([
    ['WsException of text', { code: 'APPLICATION', message: 'not now' }],
    ['WsException of an object', { code: 'SOLD_OUT', message: 'all gone', details: { left: 0 } }],
    ['WsException of an object without a code', { code: 'APPLICATION', message: 'all gone' }],
    ['WsException of a list', { code: 'APPLICATION', message: 'Ws Exception', details: ['a', 'b'] }],
    ['BadRequest', { code: 'BAD_REQUEST', message: 'what?' }],
    ['Unauthorized', { code: 'UNAUTHORIZED', message: 'who?' }],
    ['Forbidden', { code: 'FORBIDDEN', message: 'not you' }],
    ['NotFound', { code: 'NOT_FOUND', message: 'where?' }],
    ['RequestTimeout', { code: 'HANDLER_TIMEOUT', message: 'too slow' }],
    ['Conflict', { code: 'CONFLICT', message: 'changed' }],
    ['TooLarge', { code: 'PAYLOAD_TOO_LARGE', message: 'too much' }],
    ['Unprocessable', { code: 'VALIDATION_FAILED', message: 'no sense' }],
    ['TooMany', { code: 'RATE_LIMITED', message: 'slow down' }],
    ['Teapot', { code: 'BAD_REQUEST', message: 'short and stout' }],
    ['Unavailable', { code: 'UNAVAILABLE', message: 'back soon' }],
    ['HttpException of an object', { code: 'NOT_FOUND', message: 'gone', details: { since: 'today' } }],
    ['HttpException of an object without a message', { code: 'CONFLICT', message: 'Conflict Exception' }],
    ['HoldfastException', { code: 'CONFLICT', message: 'changed', details: { version: 7 } }],
    ['AuthenticationError', { code: 'TOKEN_EXPIRED', message: 'its time is over' }],
  ])('%s, and is logged quietly', async (how, data) => {
    const before = errorLines();
    const counted = served.counters.snapshot();
    expect(await ask('fail', { how })).toEqual([{ event: '$error', id: 1, data }]);
    expect(await ask('fail', { how }, {})).toEqual([{ event: '$error', data }]);
    expect(errorLines()).toBe(before);
    // Codes of the application are its own, and there may be any number of them: they are counted as one.
    const label = `error:${data['code'] === 'SOLD_OUT' ? 'APPLICATION' : String(data['code'])}`;
    expect(served.counters.snapshot()[label]).toBe((counted[label] ?? 0) + 2);
  });

  it('UNENCODABLE when what it says is not JSON', async () => {
    expect(await ask('fail', { how: 'WsException that is circular' })).toEqual([
      { event: '$error', id: 1, data: errorData('UNENCODABLE') },
    ]);
  });

  it.each(['Internal', 'GatewayTimeout', 'HoldfastException INTERNAL'])(
    '%s says what the application chose to say, and is logged',
    async (how) => {
      const before = errorLines();
      const [frame] = await ask('fail', { how });
      expect(frame).toMatchObject({ event: '$error', id: 1, data: { code: 'INTERNAL' } });
      expect((frame!.data as { message: string }).message).toMatch(/sorry|slow/);
      expect(errorLines()).toBe(before + 1);
    },
  );

  it.each(['TypeError', 'an object', 'a hostile object'])(
    '%s is INTERNAL without internals (PROTOCOL 7.3), and is logged once',
    async (how) => {
      const before = errorLines();
      const frames = await ask('fail', { how });
      expect(frames).toEqual([
        { event: '$error', id: 1, data: { code: 'INTERNAL', message: 'Internal server error' } },
      ]);
      expect(errorLines()).toBe(before + 1);
    },
  );
});

it('a programming error is logged with gateway, method, event and stack', async () => {
  await using fresh = await serve([FailGateway]);
  await using client = await TestClient.connect(fresh.url('/fail'));
  client.send({ event: 'fail', id: 1, data: { how: 'TypeError', payload: 'of the client' } });
  await untilQuiet(client);
  const [line, ...others] = fresh.log.of('error');
  expect(others).toEqual([]);
  expect(line).toContain('FailGateway.fail failed on "fail"');
  expect(line).toContain('TypeError: secret of the programmer');
  expect(line).toMatch(/at .*dispatch-errors\.e2e\.spec/);
  expect(line).not.toContain('of the client');
});

it('a flood of failing messages writes a bounded number of lines, and each is answered', async () => {
  await using fresh = await serve([FailGateway]);
  await using client = await TestClient.connect(fresh.url('/fail'));
  for (let id = 0; id < 1_000; id++) client.send({ event: 'fail', id, data: { how: 'TypeError' } });
  const frames = await untilQuiet(client);
  expect(frames).toHaveLength(1_000);
  expect(new Set(frames.map(({ event }) => event))).toEqual(new Set(['$error']));
  expect(fresh.counters.get('error', 'INTERNAL')).toBe(1_000);
  const lines = fresh.log.of('error').length + fresh.log.of('warn').length;
  expect(lines).toBeGreaterThanOrEqual(1);
  expect(lines).toBeLessThanOrEqual(20);
  expect(fresh.log.of('debug').length).toBeLessThanOrEqual(20);
});

describe('what a ValidationPipe refuses', () => {
  const wrong = { name: 666_001, items: [{ amount: 1 }, { amount: 666_002 }] };
  const rules = ['name must be a string', 'items.1.amount must not be greater than 10'];

  it.each(['order', 'unprocessable', 'raw', 'raw http'])(
    'is VALIDATION_FAILED with the broken rules, and nothing of what was sent: %s (PROTOCOL 7.3)',
    async (event) => {
      const before = errorLines();
      const frames = await ask(event, wrong);
      expect(frames).toEqual([
        { event: '$error', id: 1, data: { code: 'VALIDATION_FAILED', message: 'Validation failed', details: rules } },
      ]);
      expect(JSON.stringify(frames)).not.toContain('666');
      expect(errorLines()).toBe(before);
    },
  );

  it('is so, too, where the errors are a part of what is thrown', async () => {
    const frames = await ask('raw object', wrong);
    expect(frames).toMatchObject([{ id: 1, data: { code: 'VALIDATION_FAILED', details: { errors: rules } } }]);
    expect(JSON.stringify(frames)).not.toContain('666');
  });

  it('is no violation (PROTOCOL 7.4)', async () => {
    await using client = await TestClient.connect(served.url('/fail'));
    for (let id = 0; id < 50; id++) client.send({ event: 'order', id, data: {} });
    expect(await untilQuiet(client)).toHaveLength(50);
    client.send({ event: 'order', id: 50, data: { name: 'tea', items: [] } });
    expect(await untilQuiet(client)).toEqual([{ event: '$reply', id: 50, data: 'ordered tea' }]);
  });

  it.each(['twice wrong', 'wrong twice'])(
    'is answered once although a parameter decorator throws, too: %s',
    async (event) => {
      const frames = await ask(event, wrong);
      expect(frames).toHaveLength(1);
      expect(frames).toMatchObject([{ event: '$error', id: 1 }]);
    },
  );
});

it('a global ValidationPipe is as good as one of a method, and leaves the connection alone', async () => {
  @WebSocketGateway({ path: '/global' })
  class GlobalGateway extends Fenced {
    @SubscribeMessage('order')
    order(@MessageBody() order: Order): string {
      return `ordered ${order.name}`;
    }
  }
  await using global = await serve([GlobalGateway], {
    configure: (app) => app.useGlobalPipes(new ValidationPipe({ whitelist: true, transform: true })),
  });
  await using client = await TestClient.connect(global.url('/global'));
  client.send({ event: 'order', id: 1, data: { name: 'tea', items: [{ amount: 3 }] } });
  client.send({ event: 'order', id: 2, data: { items: [] } });
  client.send({ event: 'order', id: 3 });
  client.send({ event: 'order', id: 4, data: 'not an order' });
  const frames = await untilQuiet(client);
  expect(frames[0]).toEqual({ event: '$reply', id: 1, data: 'ordered tea' });
  expect(frames.slice(1).map(({ id, data }) => [id, (data as { code: string }).code])).toEqual([
    [2, 'VALIDATION_FAILED'],
    [3, 'VALIDATION_FAILED'],
    [4, 'VALIDATION_FAILED'],
  ]);
});
