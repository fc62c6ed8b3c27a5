import type { TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { Bench, passing, refusalOf, tokenOf } from './support/rate-limit.js';

describe('uses are counted', () => {
  it('by connection where nothing else is said', async () => {
    await using bench = await Bench.start();
    await using one = await bench.connect();
    await using other = await bench.connect();
    expect(await passing(one, 'default', 2)).toEqual([true, false]);
    expect(await passing(other, 'default', 2)).toEqual([true, false]);
  });

  it('by principal, and by connection for those who are nobody', async () => {
    await using bench = await Bench.start();
    await using phone = await bench.connect('/limits/red', { token: await tokenOf('ada') });
    await using laptop = await bench.connect('/limits/red', { token: await tokenOf('ada') });
    await using grace = await bench.connect('/limits/red', { token: await tokenOf('grace') });
    await using nobody = await bench.connect();
    await using somebody = await bench.connect();
    expect(await passing(phone, 'principal', 1)).toEqual([true]);
    expect(await passing(laptop, 'principal', 1)).toEqual([false]);
    for (const client of [grace, nobody, somebody]) {
      expect(await passing(client, 'principal', 2)).toEqual([true, false]);
    }
  });

  it('by address, of which an IPv6 client has a /64', async () => {
    await using bench = await Bench.start();
    const from = (ip: string): Promise<TestClient> =>
      bench.connect('/limits/red', { headers: { 'X-Forwarded-For': ip } });
    await using one = await from('203.0.113.1');
    await using same = await from('203.0.113.1');
    await using other = await from('203.0.113.2');
    await using six = await from('2001:db8:1:2::1');
    await using neighbour = await from('2001:db8:1:2:ffff::1');
    await using stranger = await from('2001:db8:1:3::1');
    expect(await passing(one, 'ip', 1)).toEqual([true]);
    expect(await passing(same, 'ip', 1)).toEqual([false]);
    expect(await passing(other, 'ip', 1)).toEqual([true]);
    expect(await passing(six, 'ip', 1)).toEqual([true]);
    expect(await passing(neighbour, 'ip', 1)).toEqual([false]);
    expect(await passing(stranger, 'ip', 1)).toEqual([true]);
  });

  it('by whatever a function says', async () => {
    await using bench = await Bench.start();
    await using one = await bench.connect('/limits/red');
    await using same = await bench.connect('/limits/red');
    await using other = await bench.connect('/limits/blue');
    expect(await passing(one, 'room', 1)).toEqual([true]);
    expect(await passing(same, 'room', 1)).toEqual([false]);
    expect(await passing(other, 'room', 1)).toEqual([true]);
  });

  it('for each handler of a class alone, and by a rule of a method besides', async () => {
    await using bench = await Bench.start();
    await using client = await bench.connect('/a');
    expect(await passing(client, 'one', 3)).toEqual([true, true, false]);
    expect(await passing(client, 'two', 3)).toEqual([true, true, false]);
    bench.clock.advance(1_100);
    // The class allows two again, the method only three in ten seconds.
    expect(await passing(client, 'one', 3)).toEqual([true, true, false]);
    expect(await passing(client, 'two', 2)).toEqual([true, false]);
  });

  it('by every rule of a method, each over its own time', async () => {
    await using bench = await Bench.start();
    await using client = await bench.connect();
    expect(await passing(client, 'burst and hour', 3)).toEqual([true, true, false]);
    bench.clock.advance(1_100);
    expect(await passing(client, 'burst and hour', 2)).toEqual([true, false]);
    const refusal = await refusalOf(client, 'burst and hour');
    expect(refusal?.retryAfterMs).toBeGreaterThan(3_000_000);
  });

  it('together, under one name, across events and gateways', async () => {
    await using bench = await Bench.start();
    await using a = await bench.connect('/a');
    await using another = await bench.connect('/a');
    await using b = await bench.connect('/b');
    expect(await passing(a, 'write', 2)).toEqual([true, true]);
    expect(await passing(b, 'write too', 1)).toEqual([true]);
    expect(await passing(another, 'write', 2)).toEqual([true, false]);
    expect(await passing(b, 'write too', 1)).toEqual([false]);
  });

  it('by their cost', async () => {
    await using bench = await Bench.start();
    await using client = await bench.connect();
    expect(await passing(client, 'dear', 3)).toEqual([true, true, false]);
    expect(await passing(client, 'by size', 1, { items: Array(8).fill(0) })).toEqual([true]);
    expect(await passing(client, 'by size', 1, { items: Array(3).fill(0) })).toEqual([false]);
    expect(await passing(client, 'by size', 2, { items: Array(2).fill(0) })).toEqual([true, false]);
  });

  it('and a message that costs more than the limit has no time to come back at', async () => {
    await using bench = await Bench.start();
    await using client = await bench.connect();
    const refusal = await refusalOf(client, 'by size', { items: Array(11).fill(0) });
    expect(refusal).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: undefined });
    expect(await passing(client, 'by size', 1, { items: Array(10).fill(0) })).toEqual([true]);
  });

  it('and a cost that cannot be told is a programming error, which lets nothing pass', async () => {
    await using bench = await Bench.start();
    await using client = await bench.connect();
    expect(await refusalOf(client, 'by size', null)).toMatchObject({ code: 'INTERNAL' });
    expect(await refusalOf(client, 'by size', { items: { length: 0.5 } })).toMatchObject({ code: 'INTERNAL' });
    const [thrown, fraction] = bench.served.log.of('error');
    expect(thrown).toMatch(/TypeError/);
    expect(fraction).toMatch(/cost of a message to LimitsGateway\.bySize must be a whole number, not 0\.5/);
  });
});
