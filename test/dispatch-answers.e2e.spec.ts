import { type CallHandler, type ExecutionContext, type NestInterceptor, UseInterceptors } from '@nestjs/common';
import { Ack, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { HoldfastException } from '@holdfast/gateway';
import { TestClient, type TestFrame } from '@holdfast/testing';
import { concat, concatMap, EMPTY, from, map, of, throwError } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorData, expectNoCrash, Fenced, gate, serve, type Served, untilQuiet } from './support/dispatch.js';

expectNoCrash();

class Passing implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((value: unknown) => value));
  }
}

const circular: Record<string, unknown> = { name: 'me' };
circular['self'] = circular;
const throwing = {
  toJSON() {
    throw new Error('secret of toJSON');
  },
};
const deep = Array.from({ length: 65 }).reduce<unknown>((inner) => [inner], 'bottom');

/** What handlers return or do, by name. */
const behaviours: Record<string, () => unknown> = {
  string: () => 'hello',
  nothing: () => undefined,
  null: () => null,
  zero: () => 0,
  false: () => false,
  object: () => ({ a: [1, { b: 2 }] }),
  promise: () => Promise.resolve('later'),
  'promise of nothing': () => Promise.resolve(),
  response: () => ({ event: 'chosen', data: { x: 1 } }),
  'promised response': () => Promise.resolve({ event: 'chosen', data: undefined }),
  'reserved response': () => ({ event: '$reply', data: 'forged' }),
  'nameless response': () => ({ event: '', data: 1 }),
  'overlong response': () => ({ event: 'e'.repeat(129), data: 1 }),
  'event alone': () => ({ event: 'chosen' }),
  'empty stream': () => EMPTY,
  'stream of one': () => of('only'),
  'stream of three': () => of(1, undefined, 3),
  'stream over time': () => from([1, 2, 3]).pipe(concatMap((value) => Promise.resolve(value))),
  'stream of responses': () => of({ event: 'a', data: 1 }, { event: '$end', data: 2 }, { event: 'b', data: 3 }),
  'stream that fails': () =>
    concat(
      of(1, 2),
      throwError(() => new HoldfastException('CONFLICT', 'changed')),
    ),
  'stream that fails over time': () =>
    from([1, 2, 3]).pipe(
      concatMap(async (value) => {
        if (value === 3) throw new Error('secret of the stream');
        return value;
      }),
    ),
  'stream that fails at once': () => throwError(() => new HoldfastException('CONFLICT', 'changed')),
  'stream with a BigInt in it': () => of(1, 2n, 3),
  'stream over time with a BigInt in it': () => from([1, 2n, 3]).pipe(concatMap((value) => Promise.resolve(value))),
  throws: () => {
    throw new Error('secret of the handler');
  },
  'throws nothing': () => {
    // Nothing stops an application from it.
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    throw undefined;
  },
  rejects: () => Promise.reject(new Error('secret of the promise')),
  'rejects with text': () =>
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    Promise.reject('secret text'),
  BigInt: () => 10n,
  'BigInt inside': () => ({ event: 'chosen', data: { n: 10n } }),
  circular: () => circular,
  'throwing toJSON': () => throwing,
  'nested too deep': () => deep,
  'details that are not JSON': () => {
    throw new HoldfastException('CONFLICT', 'changed', circular);
  },
};

@WebSocketGateway({ path: '/plain' })
class PlainGateway extends Fenced {
  @SubscribeMessage('do')
  do(@MessageBody() behaviour: string): unknown {
    return behaviours[behaviour]!();
  }
}

@UseInterceptors(Passing)
@WebSocketGateway({ path: '/intercepted' })
class InterceptedGateway extends Fenced {
  @SubscribeMessage('do')
  do(@MessageBody() behaviour: string): unknown {
    return behaviours[behaviour]!();
  }
}

let served: Served;
beforeAll(async () => {
  served = await serve([PlainGateway, InterceptedGateway, AckGateway]);
});
afterAll(() => served[Symbol.asyncDispose]());

const reply = (data: unknown): unknown[] => [{ event: '$reply', id: 7, data }];
const stream = (...values: unknown[]): unknown[] => values.map((data) => ({ event: '$next', id: 7, data }));
const end = { event: '$end', id: 7 };
const failed = (code: string): unknown => ({ event: '$error', id: 7, data: errorData(code) });

/** Frames that answer a request, whether its handler is intercepted or not. */
const answers: [behaviour: string, frames: unknown[]][] = [
  ['string', reply('hello')],
  ['nothing', reply(null)],
  ['null', reply(null)],
  ['zero', reply(0)],
  ['false', reply(false)],
  ['object', reply({ a: [1, { b: 2 }] })],
  ['promise', reply('later')],
  ['promise of nothing', reply(null)],
  ['response', [{ event: 'chosen', id: 7, data: { x: 1 } }]],
  ['promised response', [{ event: 'chosen', id: 7 }]],
  ['reserved response', reply({ event: '$reply', data: 'forged' })],
  ['nameless response', reply({ event: '', data: 1 })],
  ['overlong response', reply({ event: 'e'.repeat(129), data: 1 })],
  ['event alone', reply({ event: 'chosen' })],
  ['empty stream', reply(null)],
  ['stream of one', reply('only')],
  ['stream of three', [...stream(1, null, 3), end]],
  [
    'stream of responses',
    [{ event: 'a', id: 7, data: 1 }, ...stream({ event: '$end', data: 2 }), { event: 'b', id: 7, data: 3 }, end],
  ],
  ['stream that fails', [...stream(1, 2), failed('CONFLICT')]],
  ['stream that fails at once', [failed('CONFLICT')]],
  ['stream with a BigInt in it', [...stream(1), failed('UNENCODABLE')]],
  ['throws', [failed('INTERNAL')]],
  ['throws nothing', [failed('INTERNAL')]],
  ['rejects', [failed('INTERNAL')]],
  ['rejects with text', [failed('INTERNAL')]],
  ['BigInt', [failed('UNENCODABLE')]],
  ['BigInt inside', [failed('UNENCODABLE')]],
  ['circular', [failed('UNENCODABLE')]],
  ['throwing toJSON', [failed('UNENCODABLE')]],
  ['nested too deep', [failed('UNENCODABLE')]],
  ['details that are not JSON', [failed('UNENCODABLE')]],
];

describe.each(['/plain', '/intercepted'])('a request is answered once (PROTOCOL 4.2), on %s', (path) => {
  it.each(answers)('%s', async (behaviour, frames) => {
    await using client = await TestClient.connect(served.url(path));
    client.send({ event: 'do', id: 7, data: behaviour });
    const seen = await untilQuiet(client);
    expect(seen).toEqual(frames);
    expect(JSON.stringify(seen)).not.toContain('secret');
  });

  it.each([
    ['stream over time', [...stream(1, 2, 3), end]],
    ['stream that fails over time', [...stream(1, 2), failed('INTERNAL')]],
    ['stream over time with a BigInt in it', [...stream(1), failed('UNENCODABLE')]],
  ])('%s', async (behaviour, frames) => {
    await using client = await TestClient.connect(served.url(path));
    client.send({ event: 'do', id: 7, data: behaviour });
    const seen: TestFrame[] = [];
    do seen.push(await client.next());
    while (seen.at(-1)!.event === '$next');
    expect([...seen, ...(await untilQuiet(client))]).toEqual(frames);
  });

  it.each([1, '1', 0, -1, Number.MAX_SAFE_INTEGER, 'x'.repeat(64), '💌'])(
    'with its own id %j (PROTOCOL 3.5)',
    async (id) => {
      await using client = await TestClient.connect(served.url(path));
      client.send({ event: 'do', id, data: 'zero' });
      expect(await untilQuiet(client)).toEqual([{ event: '$reply', id, data: 0 }]);
    },
  );
});

describe.each(['/plain', '/intercepted'])('a message is answered under its own name (PROTOCOL 4.3), on %s', (path) => {
  const failure = (code: string): unknown => ({ event: '$error', data: errorData(code) });
  it.each<[behaviour: string, frames: unknown[]]>([
    ['string', [{ event: 'do', data: 'hello' }]],
    ['null', [{ event: 'do', data: null }]],
    ['promise', [{ event: 'do', data: 'later' }]],
    ['nothing', []],
    ['response', [{ event: 'chosen', data: { x: 1 } }]],
    ['reserved response', [{ event: 'do', data: { event: '$reply', data: 'forged' } }]],
    ['empty stream', []],
    ['stream of one', [{ event: 'do', data: 'only' }]],
    [
      'stream of responses',
      [
        { event: 'a', data: 1 },
        { event: 'do', data: { event: '$end', data: 2 } },
        { event: 'b', data: 3 },
      ],
    ],
    ['stream that fails', [{ event: 'do', data: 1 }, { event: 'do', data: 2 }, failure('CONFLICT')]],
    ['throws', [failure('INTERNAL')]],
    ['rejects', [failure('INTERNAL')]],
    ['circular', [failure('UNENCODABLE')]],
  ])('%s', async (behaviour, frames) => {
    await using client = await TestClient.connect(served.url(path));
    client.send({ event: 'do', data: behaviour });
    expect(await untilQuiet(client)).toEqual(frames);
  });
});

const later = { acknowledge: gate<(data?: unknown) => void>() };

@WebSocketGateway({ path: '/ack' })
class AckGateway extends Fenced {
  @SubscribeMessage('once')
  once(@Ack() acknowledge: (data?: unknown) => void, @MessageBody() data: unknown): void {
    acknowledge(data);
  }

  @SubscribeMessage('twice')
  twice(@Ack() acknowledge: (data?: unknown) => void): string {
    acknowledge('first');
    acknowledge('second');
    return 'third';
  }

  @SubscribeMessage('later')
  later(@Ack() acknowledge: (data?: unknown) => void): void {
    later.acknowledge.open(acknowledge);
  }

  @SubscribeMessage('returns')
  returns(@Ack() acknowledge: (data?: unknown) => void): string {
    expect(acknowledge).toBeTypeOf('function');
    return 'returned';
  }

  @SubscribeMessage('throws')
  throws(@Ack() acknowledge: (data?: unknown) => void): void {
    expect(acknowledge).toBeTypeOf('function');
    throw new HoldfastException('CONFLICT', 'changed');
  }

  @SubscribeMessage('throws after')
  throwsAfter(@Ack() acknowledge: (data?: unknown) => void): void {
    acknowledge('done');
    throw new Error('what came after the answer');
  }

  @SubscribeMessage('BigInt')
  bigInt(@Ack() acknowledge: (data?: unknown) => void): void {
    acknowledge(10n);
  }
}

describe('a handler that answers by @Ack()', () => {
  const ask = async (event: string, data?: unknown): Promise<TestFrame[]> => {
    await using client = await TestClient.connect(served.url('/ack'));
    client.send({ event, id: 7, data });
    return await untilQuiet(client);
  };

  it.each<[event: string, data: unknown, frames: unknown[]]>([
    ['once', { a: 1 }, reply({ a: 1 })],
    ['once', undefined, reply(null)],
    ['twice', undefined, reply('first')],
    ['returns', undefined, reply('returned')],
    ['throws', undefined, [failed('CONFLICT')]],
    ['BigInt', undefined, [failed('UNENCODABLE')]],
  ])('is answered once: %s of %j', async (event, data, frames) => {
    expect(await ask(event, data)).toEqual(frames);
    expect(served.counters.get('late', event)).toBe(0);
  });

  it('has its turn until it acknowledges', async () => {
    await using client = await TestClient.connect(served.url('/ack'));
    client.send({ event: 'later', id: 1 });
    client.send({ event: 'once', id: 2 });
    const acknowledge = await later.acknowledge.promise;
    // Violations are answered at once, so a reply to the second would be here.
    client.send({ event: 'unknown', id: 3 });
    expect(await client.next()).toMatchObject({ event: '$error', id: 3 });
    acknowledge('at last');
    expect(await untilQuiet(client)).toEqual([
      { event: '$reply', id: 1, data: 'at last' },
      { event: '$reply', id: 2, data: null },
    ]);
  });

  it('is not answered when it is sent as a message, and the next has its turn', async () => {
    await using client = await TestClient.connect(served.url('/ack'));
    client.send({ event: 'once', data: 1 });
    client.send({ event: 'returns' });
    expect(await untilQuiet(client)).toEqual([{ event: 'returns', data: 'returned' }]);
  });

  it('has its failures after the acknowledgement logged, for nobody else hears of them', async () => {
    expect(await ask('throws after')).toEqual(reply('done'));
    expect(served.log.of('error').filter((line) => line.includes('what came after the answer'))).toHaveLength(1);
  });
});
