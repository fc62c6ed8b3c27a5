import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Principal } from '../../src/connection/principal.js';
import { TokenCache } from '../../src/auth/token-cache.js';
import { ManualClock } from '../support/manual-clock.js';

const principal = (expiresAt = Infinity): Principal => ({ subject: 'ada', expiresAt, claims: {} });

const limits = (tokens: number, bytes = Infinity) => ({ tokens, bytes });

/** A verification that counts how often it ran. */
function counted(result: () => Promise<Principal>): { (): Promise<Principal>; runs: number } {
  const verify = Object.assign(
    () => {
      verify.runs += 1;
      return result();
    },
    { runs: 0 },
  );
  return verify;
}

describe('TokenCache', () => {
  it('shares one verification among all who ask while it runs', async () => {
    const cache = new TokenCache(limits(10), Infinity, new ManualClock());
    const verify = counted(() => Promise.resolve(principal()));
    await Promise.all(Array.from({ length: 1_000 }, async () => cache.resolve('token', verify)));
    expect(verify.runs).toBe(1);
  });

  it('shares a failure with those who were waiting, and forgets it', async () => {
    const cache = new TokenCache(limits(10), Infinity, new ManualClock());
    const fail = counted(() => Promise.reject(new Error('no')));
    const waiting = [1, 2].map(async () => cache.resolve('token', fail));
    expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect([fail.runs, cache.size]).toEqual([1, 0]);
    await expect(cache.resolve('token', () => Promise.resolve(principal()))).resolves.toEqual(principal());
  });

  it('remembers nothing with a capacity of 0', async () => {
    const cache = new TokenCache(limits(0), Infinity, new ManualClock());
    const verify = counted(() => Promise.resolve(principal()));
    await cache.resolve('token', verify);
    await cache.resolve('token', verify);
    expect([verify.runs, cache.size]).toEqual([2, 0]);
  });

  it('believes an entry until the token expires', async () => {
    const clock = new ManualClock();
    const cache = new TokenCache(limits(10), Infinity, clock);
    const verify = counted(() => Promise.resolve(principal(clock.wallNow() + 1_000)));
    await cache.resolve('token', verify);
    clock.advance(999);
    await cache.resolve('token', verify);
    expect(verify.runs).toBe(1);
    clock.advance(1);
    await cache.resolve('token', verify);
    expect(verify.runs).toBe(2);
  });

  it('believes an entry no longer than its age allows, counted from before the verification', async () => {
    const clock = new ManualClock();
    const cache = new TokenCache(limits(10), 1_000, clock);
    const slow = counted(() => {
      clock.advance(400);
      return Promise.resolve(principal());
    });
    await cache.resolve('token', slow);
    clock.advance(599);
    await cache.resolve('token', slow);
    expect(slow.runs).toBe(1);
    clock.advance(1);
    await cache.resolve('token', slow);
    expect(slow.runs).toBe(2);
  });

  it('keeps the most recently used tokens and never more than its capacity', async () => {
    const uses = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), uses, async (capacity, tokens) => {
        const cache = new TokenCache(limits(capacity), Infinity, new ManualClock());
        let recent: number[] = [];
        for (const token of tokens) {
          const verify = counted(() => Promise.resolve(principal()));
          await cache.resolve(String(token), verify);
          expect(verify.runs).toBe(recent.includes(token) ? 0 : 1);
          recent = [token, ...recent.filter((other) => other !== token)].slice(0, capacity);
          expect(cache.size).toBe(recent.length);
        }
      }),
    );
  });

  it('never remembers more bytes of tokens than it may, whichever of both limits comes first', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 100 }),
        lengths,
        async (most, bytes, uses) => {
          const cache = new TokenCache(limits(most, bytes), Infinity, new ManualClock());
          let recent: number[] = [];
          for (const length of uses) {
            const verify = counted(() => Promise.resolve(principal()));
            await cache.resolve('x'.repeat(length), verify);
            expect(verify.runs).toBe(recent.includes(length) ? 0 : 1);
            recent = [length, ...recent.filter((other) => other !== length)];
            if (length > bytes) recent.shift();
            while (recent.length > most || sum(recent) > bytes) recent.pop();
            expect([cache.size, cache.bytes]).toEqual([recent.length, sum(recent)]);
          }
        },
      ),
    );
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
