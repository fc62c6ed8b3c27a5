import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeLimiter, ManualClock } from '@holdfast/testing';
import { type LimitAlgorithm, type LimitRule, limitRuleProblems, MemoryLimiter } from '../src/index.js';

function harness(maxKeys?: number) {
  const clock = new ManualClock();
  const limiter = new MemoryLimiter({ clock, ...(maxKeys === undefined ? {} : { maxKeys }) });
  return { limiter, clock, advance: (ms: number) => clock.advance(ms) };
}

const once: LimitRule = { limit: 1, windowMs: 1000, algorithm: 'fixed-window' };

describeLimiter('MemoryLimiter', harness, { describe, it });

describe('MemoryLimiter', () => {
  it.each<LimitAlgorithm>(['fixed-window', 'sliding-window', 'token-bucket'])(
    'stays within maxKeys under a million keys (%s)',
    (algorithm) => {
      const { limiter, clock } = harness(10_000);
      const rule = { limit: 5, windowMs: 60_000, algorithm };
      let refused = 0;
      let most = 0;
      for (let index = 0; index < 1_000_000; index++) {
        if (!limiter.consume(`client ${index}`, rule).allowed) refused += 1;
        most = Math.max(most, limiter.size);
      }
      expect({ refused, most, evictions: limiter.evictions }).toEqual({ refused: 0, most: 10_000, evictions: 990_000 });
      expect(clock.pending).toBe(0);
    },
    60_000,
  );

  it('forgets the key that was not used for longest, not the one that keeps trying', () => {
    const { limiter } = harness(2);
    limiter.consume('stubborn', once);
    limiter.consume('quiet', once);
    expect(limiter.consume('stubborn', once).allowed).toBe(false);
    limiter.consume('new', once);
    expect(limiter.consume('stubborn', once).allowed).toBe(false);
    expect(limiter.consume('quiet', once).allowed).toBe(true);
    expect(limiter.evictions).toBe(2);
  });

  it('sweeps what has expired as it goes, so that nothing has to be evicted', () => {
    const { limiter, advance } = harness(1_000);
    for (let round = 0; round < 20; round++) {
      for (let index = 0; index < 900; index++) limiter.consume(`${round} ${index}`, once);
      advance(1000);
      for (let index = 0; index < 900; index++) limiter.consume('busy', { ...once, limit: 1000 });
      expect(limiter.size).toBe(1);
    }
    expect(limiter.evictions).toBe(0);
  });

  it('sweeps past keys that live long', () => {
    const { limiter, advance } = harness();
    for (let index = 0; index < 10; index++) limiter.consume(`long ${index}`, { ...once, windowMs: 1_000_000 });
    for (let index = 0; index < 10; index++) limiter.consume(`short ${index}`, once);
    advance(1000);
    for (let index = 0; index < 30; index++) limiter.consume('busy', { ...once, limit: 1000 });
    expect(limiter.size).toBe(11);
  });

  it('refuses only keys that are in use and keeps its bound, whatever is swept or evicted between', () => {
    const step = fc.record({ key: fc.nat({ max: 8 }), wait: fc.nat({ max: 400 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 6 }), (steps, maxKeys) => {
        const { limiter, clock } = harness(maxKeys);
        let inUse: { key: number; endsAt: number }[] = [];
        for (const { key, wait } of steps) {
          clock.advance(wait);
          inUse = inUse.filter(({ endsAt }) => endsAt > clock.now());
          const { allowed } = limiter.consume(String(key), once);
          const known = inUse.find((entry) => entry.key === key);
          if (!known) expect(allowed).toBe(true);
          inUse = inUse.filter((entry) => entry !== known);
          inUse.push(known && !allowed ? known : { key, endsAt: clock.now() + 1000 });
          expect(limiter.consume(String(key), once).allowed).toBe(false);
          expect(limiter.size).toBeLessThanOrEqual(maxKeys);
        }
        clock.advance(1000);
        for (let use = 0; use < 10; use++) limiter.consume('last', { ...once, limit: 1000 });
        expect(limiter.size).toBe(1);
      }),
    );
  });

  it('remembers nothing of keys without a limit', () => {
    const { limiter } = harness();
    limiter.consume('free', { ...once, limit: Infinity });
    expect(limiter.size).toBe(0);
  });

  it('takes a clock that runs backwards for one that stands still', () => {
    let now = 5000;
    const clock = Object.assign(new ManualClock(), { now: () => now });
    const limiter = new MemoryLimiter({ clock });
    for (const algorithm of ['fixed-window', 'sliding-window', 'token-bucket'] as const) {
      limiter.consume(algorithm, { ...once, algorithm });
      now = 0;
      const { allowed, retryAfterMs } = limiter.consume(algorithm, { ...once, algorithm });
      expect(allowed).toBe(false);
      expect(retryAfterMs).toBeLessThanOrEqual(1100);
      now = 5000;
    }
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity])('refuses maxKeys %d', (maxKeys) => {
    expect(() => new MemoryLimiter({ maxKeys })).toThrow(RangeError);
  });
});

describe('limitRuleProblems', () => {
  it.each<LimitRule>([
    once,
    { ...once, limit: Infinity },
    { ...once, algorithm: 'token-bucket', limit: Infinity },
    { limit: 1e15, windowMs: 1e9, algorithm: 'sliding-window' },
  ])('finds nothing wrong with %j', (rule) => {
    expect(limitRuleProblems(rule)).toEqual([]);
  });

  it.each<[Partial<LimitRule>, string]>([
    [{ limit: 0 }, 'limit'],
    [{ limit: 1.5 }, 'limit'],
    [{ limit: Number.NaN }, 'limit'],
    [{ windowMs: 0 }, 'windowMs'],
    [{ windowMs: Infinity }, 'windowMs'],
    [{ windowMs: 0.1 }, 'windowMs'],
    // What the compiler would stop, and a configuration file would not.
    [{ algorithm: 'leaky' as LimitAlgorithm }, 'algorithm'],
    [{ algorithm: 'token-bucket', limit: 1e9, windowMs: 1e9 }, 'limit times windowMs'],
  ])('names what is wrong with %j', (change, field) => {
    const problems = limitRuleProblems({ ...once, ...change });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${field}`));
  });
});
