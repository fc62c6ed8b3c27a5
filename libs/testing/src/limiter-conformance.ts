import assert from 'node:assert/strict';
import type { LimitAlgorithm, Limiter, LimitRule, LimitVerdict } from '@holdfast/backplane';
import { boundCases } from './limiter-conformance.bounds.js';
import { type CreateLimiter, forAnyCase, within } from './limiter-conformance.harness.js';
import { globalRunner, type SuiteRunner } from './suite-runner.js';

const algorithms: readonly LimitAlgorithm[] = ['fixed-window', 'sliding-window', 'token-bucket'];

/**
 * The promises of `Limiter`, for every engine to keep: call it in a test file of yours. Numbers in the names of the
 * tests are those of the contract.
 *
 * ```ts
 * import { describe, it } from 'vitest';
 * describeLimiter('MyLimiter', createHarness, { describe, it });
 * ```
 *
 * @param create - makes an engine that remembers nothing, and the hand on its clock; called for every test, and about a
 *   hundred times by some. On a shared server each needs a name space of its own.
 * @param runner - default: the global `describe` and `it`.
 * @throws TypeError when there is no runner.
 * @publicApi
 */
export function describeLimiter(name: string, create: CreateLimiter, runner: SuiteRunner = globalRunner()): void {
  const { describe, it } = runner;
  describe(`${name} as a Limiter`, () => {
    for (const algorithm of algorithms) {
      describe(algorithm, () => {
        for (const [title, body] of Object.entries(casesOf(create, algorithm))) it(title, body);
      });
    }
    for (const [title, body] of Object.entries(boundCases(create))) it(title, body);

    it('starts afresh under another algorithm or window (7)', () =>
      within(create, async ({ limiter }) => {
        const rule: LimitRule = { limit: 1, windowMs: 1000, algorithm: 'fixed-window' };
        assert.equal((await limiter.consume('k', rule)).allowed, true);
        assert.equal((await limiter.consume('k', { ...rule, windowMs: 2000 })).allowed, true);
        assert.equal((await limiter.consume('k', { ...rule, algorithm: 'token-bucket' })).allowed, true);
      }));
  });
}

type Cases = Readonly<Record<string, () => Promise<void>>>;

function casesOf(create: CreateLimiter, algorithm: LimitAlgorithm): Cases {
  const rule: LimitRule = { limit: 3, windowMs: 1000, algorithm };
  return { ...countingCases(create, rule), ...costCases(create, rule), ...timeCases(create, rule) };
}

function countingCases(create: CreateLimiter, rule: LimitRule): Cases {
  return {
    'allows the limit at once, then refuses and counts nothing (1)': () =>
      within(create, async ({ limiter }) => {
        const verdicts: LimitVerdict[] = [];
        for (let use = 0; use < 6; use++) verdicts.push(await limiter.consume('k', rule));
        assert.deepEqual(
          verdicts.map(({ allowed }) => allowed),
          [true, true, true, false, false, false],
        );
        assert.deepEqual(
          verdicts.map(({ remaining }) => remaining),
          [2, 1, 0, 0, 0, 0],
        );
        const waits = verdicts.map(({ retryAfterMs }) => retryAfterMs);
        assert.deepEqual(waits.slice(0, 3), [0, 0, 0]);
        assert.equal(new Set(waits.slice(3)).size, 1, `the wait changes while time stands still: ${waits.join(', ')}`);
      }),

    'does not allow concurrent uses beyond the limit (2)': () =>
      within(create, async ({ limiter }) => {
        const uses = Array.from({ length: 20 }, async () => await limiter.consume('k', rule));
        const verdicts = await Promise.all(uses);
        assert.equal(verdicts.filter(({ allowed }) => allowed).length, 3);
      }),

    'keeps keys apart, whatever they are made of (5)': () =>
      within(create, async ({ limiter }) => {
        const once: LimitRule = { ...rule, limit: 1 };
        const keys = ['', 'k', 'K', 'k:', 'k\0', '{k}', 'k*', '__proto__', 'constructor', '🦀', 'k'.repeat(1000)];
        for (const key of keys) {
          assert.equal((await limiter.consume(key, once)).allowed, true, `${JSON.stringify(key)} is another key`);
          assert.equal((await limiter.consume(key, once)).allowed, false, `${JSON.stringify(key)} is not remembered`);
        }
      }),

    'never limits by Infinity': () =>
      within(create, async ({ limiter }) => {
        const verdict = await limiter.consume('free', { ...rule, limit: Infinity }, Number.MAX_SAFE_INTEGER);
        assert.deepEqual(verdict, { allowed: true, remaining: Infinity, retryAfterMs: 0 });
      }),
  };
}

function costCases(create: CreateLimiter, rule: LimitRule): Cases {
  return {
    'weighs uses by cost, reads with cost 0 and never allows more than the limit at once (4)': () =>
      within(create, async ({ limiter }) => {
        const full: LimitVerdict = { allowed: true, remaining: 3, retryAfterMs: 0 };
        assert.deepEqual(await limiter.consume('k', rule, 0), full);
        assert.deepEqual(await limiter.consume('k', rule, 4), { ...full, allowed: false, retryAfterMs: Infinity });
        assert.deepEqual(await remainingAfter(limiter, rule, 2), [true, 1]);
        assert.deepEqual(await remainingAfter(limiter, rule, 2), [false, 1]);
        assert.deepEqual(await remainingAfter(limiter, rule, 1), [true, 0]);
        assert.deepEqual(await limiter.consume('k', rule, 0), { ...full, remaining: 0 });
      }),

    'answers a cost that is no whole number of units by a RangeError (4)': () =>
      within(create, async ({ limiter }) => {
        for (const cost of [-1, 0.5, Number.NaN, Infinity]) {
          await assert.rejects(async () => limiter.consume('k', rule, cost), RangeError, `a cost of ${cost}`);
        }
      }),
  };
}

async function remainingAfter(limiter: Limiter, rule: LimitRule, cost: number): Promise<[boolean, number]> {
  const { allowed, remaining } = await limiter.consume('k', rule, cost);
  return [allowed, remaining];
}

function timeCases(create: CreateLimiter, rule: LimitRule): Cases {
  return {
    'says truthfully when the same use succeeds (3)': () =>
      forAnyCase(create, async ({ limiter, advance }, between) => {
        const tight = { ...rule, limit: between(7, 20), windowMs: between(1, 999) };
        for (let use = between(0, 30); use > 0; use--) {
          const cost = between(0, 7);
          await advance(between(0, 700) / 3);
          const { allowed, retryAfterMs } = await limiter.consume('k', tight, cost);
          assert.equal(retryAfterMs > 0, !allowed);
          if (allowed) continue;
          assert.ok(Number.isInteger(retryAfterMs), `${retryAfterMs} is no whole number of milliseconds`);
          await advance(retryAfterMs);
          assert.equal((await limiter.consume('k', tight, cost)).allowed, true, `not after ${retryAfterMs} ms`);
        }
      }),

    'keeps what was counted when only the limit changes (7)': () =>
      within(create, async ({ limiter, advance }) => {
        await limiter.consume('k', { ...rule, limit: 10 }, 8);
        const { allowed, remaining, retryAfterMs } = await limiter.consume('k', { ...rule, limit: 5 });
        assert.deepEqual([allowed, remaining], [false, 0]);
        await advance(retryAfterMs);
        assert.equal((await limiter.consume('k', { ...rule, limit: 5 })).allowed, true);
      }),

    'gives the whole limit back after every rest (8)': () =>
      forAnyCase(create, async ({ limiter, advance }, between) => {
        for (let rests = between(0, 20); rests > 0; rests--) {
          await advance(1100 + between(0, 5000));
          const verdict = await limiter.consume('k', rule, 3);
          assert.deepEqual(verdict, { allowed: true, remaining: 0, retryAfterMs: 0 });
        }
      }),
  };
}
