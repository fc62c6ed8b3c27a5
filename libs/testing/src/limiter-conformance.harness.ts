import type { Limiter, LimitRule } from '@holdfast/backplane';
import { seededRandom } from './seeded-random.js';

/** A limiter under test and the hand on its clock. @publicApi */
export interface LimiterHarness {
  readonly limiter: Limiter;
  /** Moves the time that the limiter goes by. Parts of a millisecond count. */
  readonly advance: (ms: number) => void | Promise<void>;
  /** Called when the test has ended. */
  readonly dispose?: () => void | Promise<void>;
}

/** @publicApi */
export type CreateLimiter = () => LimiterHarness | Promise<LimiterHarness>;

/** A whole number, both ends included. */
export type Between = (least: number, most: number) => number;

const cases = 100;

export async function within(create: CreateLimiter, use: (harness: LimiterHarness) => Promise<void>): Promise<void> {
  const harness = await create();
  try {
    await use(harness);
  } finally {
    await harness.dispose?.();
  }
}

/** Random cases, but the same in every run, so that a failure is met again. */
export async function forAnyCase(
  create: CreateLimiter,
  check: (harness: LimiterHarness, between: Between) => Promise<void>,
): Promise<void> {
  for (let seed = 1; seed <= cases; seed++) {
    const random = seededRandom(seed);
    const between: Between = (least, most) => least + Math.floor(random.next() * (most - least + 1));
    try {
      await within(create, async (harness) => {
        await crowd(harness);
        await check(harness, between);
      });
    } catch (cause) {
      throw new Error(`Case ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
}

/** Among other keys, so that an engine that sweeps what has expired does not meet the key under test at every use. */
async function crowd({ limiter }: LimiterHarness): Promise<void> {
  const rule: LimitRule = { limit: 1, windowMs: 1_000_000, algorithm: 'fixed-window' };
  for (let other = 0; other < 20; other++) await limiter.consume(`other ${other}`, rule);
}
