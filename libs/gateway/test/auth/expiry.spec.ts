import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planExpiry } from '../../src/auth/expiry.js';

const options = { refreshAheadMs: 60_000, expiryGraceMs: 25_000 };
const now = Date.UTC(2026, 0, 1);

describe('planExpiry', () => {
  it('closes a plain client at expiry plus grace and asks it nothing', () => {
    expect(planExpiry(now + 600_000, 'plain', options, now)).toEqual({ closeAtMs: 625_000 });
  });

  it('asks the SDK ahead of expiry', () => {
    expect(planExpiry(now + 600_000, 'sdk', options, now)).toEqual({ refreshAtMs: 540_000, closeAtMs: 625_000 });
  });

  it('asks the SDK at half of a life that is shorter than the time ahead', () => {
    expect(planExpiry(now + 60_000, 'sdk', options, now)).toEqual({ refreshAtMs: 30_000, closeAtMs: 85_000 });
  });

  it('acts at once on what has ended', () => {
    expect(planExpiry(now - 1_000, 'sdk', options, now)).toEqual({ refreshAtMs: 0, closeAtMs: 24_000 });
    expect(planExpiry(now - 25_001, 'sdk', options, now)).toEqual({ refreshAtMs: 0, closeAtMs: 0 });
  });

  it('plans nothing for what never ends', () => {
    expect(planExpiry(Infinity, 'sdk', options, now)).toBeUndefined();
    expect(planExpiry(Infinity, 'plain', options, now)).toBeUndefined();
  });

  it('takes a time that is no number for one that has passed', () => {
    expect(planExpiry(NaN, 'sdk', options, now)).toEqual({ refreshAtMs: 0, closeAtMs: 0 });
  });

  it('asks in the second half of life, not after expiry, and closes exactly at the grace', () => {
    const ms = fc.integer({ min: 0, max: 10_000_000 });
    fc.assert(
      fc.property(ms, ms, ms, (leftMs, refreshAheadMs, expiryGraceMs) => {
        const plan = planExpiry(now + leftMs, 'sdk', { refreshAheadMs, expiryGraceMs }, now);
        const refreshAtMs = plan?.refreshAtMs ?? NaN;
        expect(plan?.closeAtMs).toBe(leftMs + expiryGraceMs);
        expect(refreshAtMs).toBeGreaterThanOrEqual(leftMs / 2);
        expect(refreshAtMs).toBeLessThanOrEqual(leftMs);
        expect(leftMs - refreshAtMs).toBeLessThanOrEqual(refreshAheadMs);
      }),
    );
  });
});
