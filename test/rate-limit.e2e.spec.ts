import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type LimitAlgorithm, RateLimit } from '@holdfast/gateway';
import { describe, expect, it } from 'vitest';
import { serve, untilQuiet } from './support/dispatch.js';
import { Bench, BGateway, LimitsGateway, passing, refusalOf } from './support/rate-limit.js';

describe('a handler with @RateLimit answers RATE_LIMITED above it, with retryAfterMs and the id (PROTOCOL.md 7.2)', () => {
  it.each<[algorithm: LimitAlgorithm, limit: number, retryAfterMs: number]>([
    ['fixed-window', 3, 1_000],
    ['sliding-window', 3, 1_100],
    ['token-bucket', 4, 250],
  ])('by %s', async (algorithm, limit, retryAfterMs) => {
    await using bench = await Bench.start();
    await using client = await bench.connect();
    expect(await passing(client, algorithm, limit)).toEqual(Array(limit).fill(true));
    const refusal = await refusalOf(client, algorithm);
    expect(refusal).toMatchObject({ code: 'RATE_LIMITED', message: 'Too many messages', retryAfterMs });
    bench.clock.advance(retryAfterMs - 101);
    expect(await refusalOf(client, algorithm)).toMatchObject({ code: 'RATE_LIMITED' });
    bench.clock.advance(101);
    expect(await refusalOf(client, algorithm)).toBeUndefined();
    expect(bench.served.counters.get('error', 'RATE_LIMITED')).toBe(2);
    expect(bench.served.log.of('error')).toEqual([]);
  });

  it('and without an id to a message without one (4.3)', async () => {
    await using bench = await Bench.start();
    await using client = await bench.connect();
    client.send({ event: 'default' });
    client.send({ event: 'default' });
    const [refusal, ...others] = await untilQuiet(client);
    expect(others).toEqual([]);
    expect(refusal).toEqual({
      event: '$error',
      data: { code: 'RATE_LIMITED', message: 'Too many messages', retryAfterMs: 1_100 },
    });
  });

  it('and in the order of the requests: it does not overtake the answers before it (11.1)', async () => {
    await using bench = await Bench.start();
    await using client = await bench.connect();
    client.send({ event: 'default', id: 1 });
    client.send({ event: 'slow', id: 2 });
    client.send({ event: 'default', id: 3 });
    client.send({ event: 'fence', id: 4 });
    expect(await client.next()).toMatchObject({ event: '$reply', id: 1 });
    bench.served.get(LimitsGateway).slow.open('done');
    expect(await client.next()).toMatchObject({ event: '$reply', id: 2, data: 'done' });
    expect(await client.next()).toMatchObject({ event: '$error', id: 3 });
    expect(await client.next()).toMatchObject({ event: '$reply', id: 4 });
  });
});

describe('a client that goes on (PROTOCOL.md 7.5)', () => {
  it('is closed with 4429 where the rule says after how many refusals in a row', async () => {
    await using bench = await Bench.start();
    await using client = await bench.connect();
    for (let index = 0; index < 4; index++) client.send({ event: 'abused', id: index });
    expect(await client.closed).toEqual({ code: 4429, reason: 'too many messages, again and again' });
    expect(client.waiting).toEqual(['$reply', '$error', '$error']);
  });

  it('is forgiven when it waits in between', async () => {
    await using bench = await Bench.start();
    await using client = await bench.connect();
    for (let round = 0; round < 3; round++) {
      expect(await passing(client, 'abused', 3)).toEqual([true, false, false]);
      bench.clock.advance(1_100);
    }
    // What passes elsewhere is no excuse.
    expect(await passing(client, 'abused', 3)).toEqual([true, false, false]);
    expect(await passing(client, 'dear', 1)).toEqual([true]);
    client.send({ event: 'abused' });
    expect(await client.closed).toMatchObject({ code: 4429 });
  });

  it('is not closed where the rule does not say so', async () => {
    await using bench = await Bench.start();
    await using client = await bench.connect();
    expect((await passing(client, 'default', 100)).filter(Boolean)).toHaveLength(1);
    await client.request('fence');
  });
});

it('rules that share a count but measure it differently stop the boot, and are named', async () => {
  @WebSocketGateway({ path: '/c' })
  class CGateway {
    @SubscribeMessage('write three')
    @RateLimit({ windowMs: 9_000, limit: 4, shared: 'writes' })
    write(): void {}
  }
  await expect(serve([BGateway, CGateway])).rejects.toThrow(
    /BGateway\.write and CGateway\.write share the rate limit "writes"/,
  );
});
