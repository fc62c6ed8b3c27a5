import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../src/index.js';
import { besiege, type Visit, visit } from './support/hostile-server.js';
import { World } from './support/world.js';

const backoff = { firstMs: 1_000, maxMs: 30_000, maxAttempts: Infinity, stableMs: 10_000 };
const minuteMs = 60_000;
/** After these it comes back, as after 3000 because the application says so. */
const returnCodes = [1001, 1006, 1011, 1012, 1012, 1013, 3000, 4500, 4504] as const;

/** A busy machine is given all the time it needs. */
const timeoutMs = 120_000;

/**
 * The longest wait before the return of that number since a connection was stable, by the promise and not by the code.
 */
const longestMs = (number: number): number => Math.min(backoff.maxMs, backoff.firstMs * 3 ** number);

/**
 * The most attempts that the backoff allows in a minute, when each draw of the client is `chance`: one at its
 * beginning, and for each of the runs that fit in with a stable connection between them one return at once (number 0)
 * and those that wait `chance` times the longest wait, the shortest first.
 */
function allowed(chance: number): number {
  let most = 0;
  for (let runs = 1; (runs - 1) * backoff.stableMs <= minuteMs; runs++) {
    let leftMs = minuteMs - (runs - 1) * backoff.stableMs;
    let attempts = 1 + runs;
    for (let number = 1, fit = runs; fit === runs; number++) {
      const waitMs = chance * longestMs(number);
      fit = Math.min(runs, Math.floor(leftMs / waitMs));
      attempts += fit;
      leftMs -= fit * waitMs;
    }
    most = Math.max(most, attempts);
  }
  return most;
}

/** No more than `most` of the times lie in a minute, wherever it begins. */
function expectInAnyMinute(times: readonly number[], most: (from: number) => number): void {
  for (const [index, from] of times.entries()) {
    expect(times[index + most(from)] ?? Infinity).toBeGreaterThanOrEqual(from + minuteMs);
  }
}

/** Any server and any surroundings, and a client with those options, for so long. */
function siege(visits: fc.Arbitrary<Visit>, options: ClientOptions, spanMs: number, stepMs: number) {
  const script = fc.array(visits, { minLength: 1, maxLength: 6, size: 'max' });
  return fc.asyncProperty(script, fc.double({ min: 0.1, max: 0.99, noNaN: true }), async (rounds, chance) => {
    const world = new World();
    const ports = { ...world.ports, random: { next: () => chance } };
    const { attempts, events, tokens } = await besiege(world, rounds, { ports, backoff, ...options }, spanMs, stepMs);
    const mostAttempts = (from: number): number => {
      const near = events.filter((time) => time >= from && time < from + minuteMs).length;
      // The network and the page may hasten one attempt each, but no more than one per `firstMs`.
      // Attempts to move count by themselves.
      return 2 * allowed(chance) + Math.min(near, 1 + minuteMs / backoff.firstMs);
    };
    expectInAnyMinute(attempts, mostAttempts);
    // One for each attempt, one for the first request of its server, and then one per second.
    expectInAnyMinute(tokens, (from) => 2 * mostAttempts(from) + minuteMs / 1_000);
  });
}

describe('whatever the server does, in any minute a client', () => {
  it(
    'makes no more attempts than its backoff allows',
    () => fc.assert(siege(visit(...returnCodes), {}, 10 * minuteMs, 10 * minuteMs), { numRuns: 300 }),
    timeoutMs,
  );

  it(
    'makes no more attempts, and asks for no more tokens, when its token provider answers at once',
    () => {
      let asked = 0;
      const options = { token: () => `t${++asked}` };
      return fc.assert(siege(visit(...returnCodes, 4401), options, 3 * minuteMs, 50), { numRuns: 100 });
    },
    timeoutMs,
  );

  it('makes 13 at most with the defaults and waits of half of the longest, as SECURITY.md says', () => {
    expect(allowed(0.5)).toBe(13);
  });

  it('would be found out if it took every connection for a stable one', async () => {
    const trusting = { backoff: { ...backoff, stableMs: 0 } };
    const found = await fc.check(siege(visit(...returnCodes), trusting, minuteMs, minuteMs), { numRuns: 300 });
    expect(found.failed).toBe(true);
  });
});
