import { type Limiter, type LimitRule, type LimitVerdict, MemoryLimiter } from '@holdfast/gateway';
import { describe, expect, it } from 'vitest';
import { describeLimiter, type LimiterHarness, ManualClock } from '../src/index.js';
import { failuresOf as suiteFailures } from './support/failures-of.js';

interface Memory extends LimiterHarness {
  readonly limiter: MemoryLimiter;
}

function memory(): Memory {
  const clock = new ManualClock();
  return {
    limiter: new MemoryLimiter({ clock }),
    advance: (ms) => {
      clock.advance(ms);
    },
  };
}

type Consume = (key: string, rule: LimitRule, cost?: number) => LimitVerdict | Promise<LimitVerdict>;

/** An engine that is right but for one thing. */
function broken(breakIt: (consume: Consume) => Consume): () => LimiterHarness {
  return () => {
    const harness = memory();
    const consume = breakIt((...use) => harness.limiter.consume(...use));
    const limiter: Limiter = { consume };
    return { ...harness, limiter };
  };
}

/** Which tests of the suite an engine does not pass. */
async function failuresOf(create: () => LimiterHarness): Promise<string[]> {
  const { failed, tests } = await suiteFailures((runner) => describeLimiter('it', create, runner));
  expect(tests).toBeGreaterThan(20);
  return failed;
}

describe('describeLimiter', () => {
  it('finds nothing wrong with the engine of the gateway, at once or by promise', async () => {
    expect(await failuresOf(memory)).toEqual([]);
    expect(
      await failuresOf(
        broken(
          (consume) =>
            async (...use) =>
              consume(...use),
        ),
      ),
    ).toEqual([]);
  });

  it('disposes of every engine it made', async () => {
    let alive = 0;
    const counted = (): LimiterHarness => {
      alive++;
      const dispose = (): void => {
        alive--;
      };
      return { ...memory(), dispose };
    };
    await failuresOf(counted);
    expect(alive).toBe(0);
  });

  const flaws: Record<string, (consume: Consume) => Consume> = {
    'allows one too many': (consume) => (key, rule, cost) => consume(key, { ...rule, limit: rule.limit + 1 }, cost),
    'forgets a window too early': (consume) => (key, rule, cost) =>
      consume(key, { ...rule, windowMs: Math.max(1, Math.floor(rule.windowMs * 0.8)) }, cost),
    'counts what it refuses': (consume) => (key, rule, cost) => {
      const verdict = consume(key, rule, cost) as LimitVerdict;
      if (!verdict.allowed && verdict.remaining > 0) void consume(key, rule, verdict.remaining);
      return verdict;
    },
    'checks and counts in two steps': (consume) => async (key, rule, cost) => {
      const { remaining } = await consume(key, rule, 0);
      await Promise.resolve();
      if (remaining < (cost ?? 1)) return consume(key, rule, cost);
      await consume(key, rule, cost);
      return { allowed: true, remaining: remaining - (cost ?? 1), retryAfterMs: 0 };
    },
    'promises too much': (consume) => async (key, rule, cost) => {
      const verdict = await consume(key, rule, cost);
      return { ...verdict, retryAfterMs: Math.max(0, verdict.retryAfterMs - 1) };
    },
    'takes any cost': (consume) => (key, rule, cost) => consume(key, rule, Math.abs(Math.ceil(cost ?? 1)) || 0),
    'mixes keys up': (consume) => (key, rule, cost) => consume(key.toLowerCase(), rule, cost),
    'keys by rule': (consume) => (key, rule, cost) => consume(`${key} ${rule.limit}`, rule, cost),
    'forgets the window of a key': (consume) => (key, rule, cost) => consume(key, { ...rule, windowMs: 1000 }, cost),
    'limits by Infinity': (consume) => (key, rule, cost) =>
      rule.limit === Infinity ? { allowed: false, remaining: 0, retryAfterMs: 1 } : consume(key, rule, cost),
    'gives everything back too late': (consume) => (key, rule, cost) =>
      consume(key, { ...rule, windowMs: rule.windowMs * 10 }, cost),
  };

  it.each(Object.keys(flaws))('catches an engine that %s', async (flaw) => {
    expect(await failuresOf(broken(flaws[flaw]!))).not.toEqual([]);
  });

  it('says what to do where there is no global test runner', () => {
    expect(() => {
      describeLimiter('it', memory);
    }).toThrow(TypeError);
  });
});
