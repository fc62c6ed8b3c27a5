import assert from 'node:assert/strict';
import type { LimitAlgorithm, LimitRule } from '@holdfast/gateway';
import { type CreateLimiter, forAnyCase, within } from './limiter-conformance.harness.js';

/** A use that was allowed. */
interface Use {
  readonly at: number;
  readonly cost: number;
}

/** How much an algorithm may let through, and that it lets that much through. */
export function boundCases(create: CreateLimiter): Readonly<Record<string, () => Promise<void>>> {
  return {
    'never allows more than the limit in any fixed window': () => checkUses(create, 'fixed-window', assertWindows),
    'never allows more than the limit in any span of a sliding window': () =>
      checkUses(create, 'sliding-window', assertSpans),
    'never lets more out of a token bucket than was in it and flowed in': () =>
      checkUses(create, 'token-bucket', assertFlow),

    'looks back further than a sliding window by a tenth at most': () =>
      within(create, async ({ limiter, advance }) => {
        const rule: LimitRule = { limit: 1, windowMs: 1000, algorithm: 'sliding-window' };
        await limiter.consume('k', rule);
        const { retryAfterMs } = await limiter.consume('k', rule);
        assert.ok(retryAfterMs >= 1000 && retryAfterMs <= 1100, `it looks back ${retryAfterMs} ms`);
        await advance(1100);
        assert.equal((await limiter.consume('k', rule)).allowed, true);
      }),

    'lets all out of a token bucket that flows in': () =>
      within(create, async ({ limiter, advance }) => {
        const rule: LimitRule = { limit: 10, windowMs: 1000, algorithm: 'token-bucket' };
        await limiter.consume('k', rule, 10);
        for (let unit = 0; unit < 50; unit++) {
          const refused = await limiter.consume('k', rule);
          assert.deepEqual(refused, { allowed: false, remaining: 0, retryAfterMs: 100 });
          await advance(100);
          assert.equal((await limiter.consume('k', rule)).allowed, true);
        }
      }),
  };
}

function checkUses(
  create: CreateLimiter,
  algorithm: LimitAlgorithm,
  assertBound: (uses: readonly Use[], rule: LimitRule) => void,
): Promise<void> {
  return forAnyCase(create, async ({ limiter, advance }, between) => {
    const rule: LimitRule = { limit: between(1, 12), windowMs: between(1, 500), algorithm };
    const uses: Use[] = [];
    let at = 0;
    for (let steps = between(0, 120); steps > 0; steps--) {
      const wait = between(0, 120) / 2;
      const cost = between(1, 4);
      at += wait;
      await advance(wait);
      if ((await limiter.consume('k', rule, cost)).allowed) uses.push({ at, cost });
    }
    assertBound(uses, rule);
  });
}

function assertWindows(uses: readonly Use[], { limit, windowMs }: LimitRule): void {
  let rest = [...uses];
  while (rest[0]) {
    // Engines count in whole milliseconds, so a window opens with the millisecond of its first use.
    const end = Math.floor(rest[0].at) + windowMs;
    const used = sumOf(rest.filter(({ at }) => at < end));
    assert.ok(used <= limit, `${used} of ${limit} in a window of ${windowMs} ms`);
    rest = rest.filter(({ at }) => at >= end);
  }
}

function assertSpans(uses: readonly Use[], { limit, windowMs }: LimitRule): void {
  for (const { at: start } of uses) {
    const used = sumOf(uses.filter(({ at }) => at >= start && at < start + windowMs));
    assert.ok(used <= limit, `${used} of ${limit} in a span of ${windowMs} ms`);
  }
}

function assertFlow(uses: readonly Use[], { limit, windowMs }: LimitRule): void {
  for (const [first, { at: start }] of uses.entries()) {
    for (const [count, { at: end }] of uses.slice(first).entries()) {
      const elapsed = Math.floor(end) - Math.floor(start);
      const used = sumOf(uses.slice(first, first + count + 1));
      assert.ok(used <= limit + (limit * elapsed) / windowMs + 1e-9, `${used} in ${elapsed} ms`);
    }
  }
}

function sumOf(uses: readonly Use[]): number {
  return uses.reduce((sum, { cost }) => sum + cost, 0);
}
