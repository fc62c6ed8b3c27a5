import { Injectable, UseInterceptors } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Concurrent,
  HOLDFAST_LIMITER,
  type Limiter,
  type LimitRule,
  type LimitVerdict,
  MemoryLimiter,
  RateLimit,
  RateLimitInterceptor,
} from '@holdfast/gateway';
import { ManualClock, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { Calls, expectNoCrash, Fenced, gate, type Gate, serve, type Served } from './support/dispatch.js';
import { passing, refusalOf } from './support/rate-limit.js';

const perMinute = { windowMs: 60_000 } as const;
const path = '/limited';

@WebSocketGateway({ path })
class LimitedGateway extends Fenced {
  readonly handled = new Calls<string>();

  @SubscribeMessage('twice')
  @RateLimit({ ...perMinute, limit: 2 })
  twice(): void {
    this.handled.add('twice');
  }

  @SubscribeMessage('both')
  @RateLimit({ ...perMinute, limit: 2 })
  @RateLimit({ ...perMinute, limit: 3, shared: 'both' })
  both(): void {
    this.handled.add('both');
  }

  @SubscribeMessage('strict')
  @RateLimit({ ...perMinute, limit: 2, onFailure: 'refuse' })
  strict(): void {
    this.handled.add('strict');
  }

  @SubscribeMessage('free')
  free(): void {
    this.handled.add('free');
  }

  @SubscribeMessage('beside')
  @Concurrent(10)
  @RateLimit({ ...perMinute, limit: 100 })
  beside(): void {
    this.handled.add('beside');
  }
}

/** A limiter that is somewhere else: it answers when, and as, the test says. */
class DistantLimiter implements Limiter {
  readonly asked = new Calls<string>();
  answer: (verdict: () => LimitVerdict) => LimitVerdict | Promise<LimitVerdict> = async (verdict) => verdict();
  readonly #memory = new MemoryLimiter();

  consume(key: string, rule: LimitRule, cost?: number): LimitVerdict | Promise<LimitVerdict> {
    this.asked.add(key);
    return this.answer(() => this.#memory.consume(key, rule, cost));
  }
}

interface Distant extends AsyncDisposable {
  readonly limiter: DistantLimiter;
  readonly served: Served;
  readonly gateway: LimitedGateway;
  readonly clock: ManualClock;
  connect(): Promise<TestClient>;
}

async function distant(options: { readonly handlerTimeoutMs?: number } = {}): Promise<Distant> {
  const limiter = new DistantLimiter();
  const clock = new ManualClock();
  const served = await serve([LimitedGateway], {
    clock,
    options: { heartbeat: { intervalMs: 0 }, messages: options },
    override: (builder) => builder.overrideProvider(HOLDFAST_LIMITER).useValue(limiter),
  });
  return {
    limiter,
    served,
    clock,
    gateway: served.get(LimitedGateway),
    connect: () => TestClient.connect(served.url(path)),
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

expectNoCrash();

describe('a limiter that answers by a promise', () => {
  it('limits like one that answers at once', async () => {
    await using app = await distant();
    await using client = await app.connect();
    expect(await passing(client, 'twice', 3)).toEqual([true, true, false]);
    expect(await refusalOf(client, 'twice')).toMatchObject({ code: 'RATE_LIMITED', message: 'Too many messages' });
    expect(app.gateway.handled.seen).toHaveLength(2);
  });

  it('is asked about every rule before any is used, so that a message that is refused counts for none', async () => {
    await using app = await distant();
    await using one = await app.connect();
    await using other = await app.connect();
    expect(await passing(one, 'both', 3)).toEqual([true, true, false]);
    expect(await passing(other, 'both', 3)).toEqual([true, true, false]);
    expect(app.limiter.asked.seen.filter((key) => key.startsWith('shared:both'))).not.toEqual([]);
  });

  it('keeps the order of answers: messages behind it wait (PROTOCOL.md 11.1)', async () => {
    await using app = await distant();
    await using client = await app.connect();
    const first = gate();
    app.limiter.answer = async (verdict) => {
      await first.promise;
      return verdict();
    };
    client.send({ event: 'twice', id: 1 });
    client.send({ event: 'free', id: 2 });
    client.ping();
    await app.limiter.asked.called(1);
    expect(app.gateway.handled.seen).toEqual([]);
    first.open();
    expect(await client.next()).toMatchObject({ event: '$reply', id: 1 });
    expect(await client.next()).toMatchObject({ event: '$reply', id: 2 });
    expect(app.gateway.handled.seen).toEqual(['twice', 'free']);
  });

  it('does not bring a message to its handler when the client has left meanwhile', async () => {
    await using app = await distant();
    const client = await app.connect();
    const verdict: Gate<LimitVerdict> = gate();
    app.limiter.answer = () => verdict.promise;
    client.send({ event: 'twice' });
    await app.limiter.asked.called(1);
    await client.close();
    await using other = await app.connect();
    verdict.open({ allowed: true, remaining: 1, retryAfterMs: 0 });
    await other.request('free');
    expect(app.gateway.handled.seen).toEqual(['free']);
  });

  it('nor when its request was answered HANDLER_TIMEOUT', async () => {
    await using app = await distant({ handlerTimeoutMs: 1_000 });
    await using client = await app.connect();
    const verdict: Gate<LimitVerdict> = gate();
    app.limiter.answer = () => verdict.promise;
    const request = refusalOf(client, 'twice');
    await app.limiter.asked.called(1);
    app.clock.advance(1_100);
    expect(await request).toMatchObject({ code: 'HANDLER_TIMEOUT' });
    verdict.open({ allowed: true, remaining: 1, retryAfterMs: 0 });
    await client.request('free');
    expect(app.gateway.handled.seen).toEqual(['free']);
  });
});

describe('a limiter that is away does not take the service with it', () => {
  it.each<[string, DistantLimiter['answer']]>([
    ['rejects', () => Promise.reject(new Error('no way to the limiter'))],
    [
      'throws',
      () => {
        throw new Error('no way to the limiter');
      },
    ],
  ])('when it %s: messages pass, are counted, and ten lines say why', async (_, answer) => {
    await using app = await distant();
    await using client = await app.connect();
    app.limiter.answer = answer;
    expect(await passing(client, 'twice', 50)).toEqual(Array(50).fill(true));
    expect(app.served.counters.get('unchecked', 'LimitedGateway.twice')).toBe(50);
    const lines = app.served.log.of('error');
    expect(lines).toHaveLength(10);
    expect(lines[0]).toMatch(/limiter cannot be asked.*no way to the limiter/s);
  });

  it('but a rule may say that messages are refused then', async () => {
    await using app = await distant();
    await using client = await app.connect();
    app.limiter.answer = () => Promise.reject(new Error('away'));
    expect(await refusalOf(client, 'strict')).toMatchObject({ code: 'UNAVAILABLE' });
    app.limiter.answer = () => {
      throw new Error('away');
    };
    expect(await refusalOf(client, 'strict')).toMatchObject({ code: 'UNAVAILABLE' });
    expect(app.gateway.handled.seen).toEqual([]);
    // That counts what has passed.
    expect(app.served.counters.get('unchecked', 'LimitedGateway.strict')).toBe(0);
    app.limiter.answer = async (verdict) => verdict();
    expect(await passing(client, 'strict', 3)).toEqual([true, true, false]);
  });

  it('and limits again when it is back', async () => {
    await using app = await distant();
    await using client = await app.connect();
    app.limiter.answer = () => Promise.reject(new Error('away'));
    expect(await passing(client, 'twice', 5)).toEqual(Array(5).fill(true));
    app.limiter.answer = async (verdict) => verdict();
    expect(await passing(client, 'twice', 3)).toEqual([true, true, false]);
  });

  it('and where one of two rules can be asked, that one holds', async () => {
    await using app = await distant();
    await using client = await app.connect();
    app.limiter.consume = new Proxy(app.limiter.consume.bind(app.limiter), {
      apply: (consume, _self, [key, rule, cost]: [string, LimitRule, number]) => {
        if (key.startsWith('shared:')) throw new Error('away');
        return consume(key, rule, cost);
      },
    });
    expect(await passing(client, 'both', 3)).toEqual([true, true, false]);
    expect(app.served.counters.get('unchecked', 'LimitedGateway.both')).toBeGreaterThan(0);
  });
});

it("an engine of the application's own is given to the module, and made by injection", async () => {
  @Injectable()
  class NoLimiter implements Limiter {
    consume(): LimitVerdict {
      return { allowed: false, remaining: 0, retryAfterMs: 7 };
    }
  }
  await using served = await serve([LimitedGateway], { extras: { limiter: NoLimiter } });
  await using client = await TestClient.connect(served.url(path));
  expect(await refusalOf(client, 'twice')).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 7 });
  expect(await refusalOf(client, 'free')).toBeUndefined();
});

it('RateLimitInterceptor, attached by hand, counts nothing twice and nothing but messages', async () => {
  @WebSocketGateway({ path: '/by-hand' })
  @RateLimit({ ...perMinute, limit: 3, per: 'ip', shared: 'by hand' })
  @UseInterceptors(RateLimitInterceptor)
  class ByHandGateway {
    @SubscribeMessage('say')
    @UseInterceptors(RateLimitInterceptor)
    say(): string {
      return 'said';
    }
  }
  await using served = await serve([ByHandGateway]);
  await using one = await TestClient.connect(served.url('/by-hand'));
  await using other = await TestClient.connect(served.url('/by-hand'));
  expect(await passing(one, 'say', 2)).toEqual([true, true]);
  expect(await passing(other, 'say', 2)).toEqual([true, false]);
});
