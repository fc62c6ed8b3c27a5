import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../src/index.js';

const draw = (seed: number, count: number) => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

describe('seededRandom', () => {
  it('repeats under its seed, differs under another, and stays in [0, 1)', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const numbers = draw(seed, 20);
        expect(draw(seed, 20)).toEqual(numbers);
        expect(draw(seed + 1, 20)).not.toEqual(numbers);
        for (const number of numbers) expect(number >= 0 && number < 1).toBe(true);
      }),
    );
  });

  it('is spread evenly', () => {
    const tenths = new Array<number>(10).fill(0);
    for (const number of draw(1, 10_000)) tenths[Math.floor(number * 10)]!++;
    for (const share of tenths) expect(Math.abs(share - 1_000)).toBeLessThan(150);
  });
});
