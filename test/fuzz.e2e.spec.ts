import { describe, expect, it } from 'vitest';
import { fuzzSeed } from './fuzz/fuzz.js';
import type { Sabotage } from './fuzz/subject.js';

// `npm run fuzz` goes on with other seeds for as long as it is told to.
describe('TCP segments of every kind', { timeout: 120_000 }, () => {
  it.each([1, 2, 3])('break nothing that always holds (seed %i)', async (seed) => {
    expect(await fuzzSeed(seed, { rounds: 1, told: console.log })).toBeUndefined();
  });
});

describe('a server that is sabotaged is found out', { timeout: 120_000 }, () => {
  it.each<[Sabotage, RegExp]>([
    ['place', /^all places are free again$/],
    ['memory', /^memory is given back$/],
    ['stall', /^an innocent client is answered soon$/],
    ['crash', /^the process goes on$|^an innocent client is answered$/],
    ['answer', /^every answer is lawful$/],
  ])('%s', async (sabotage, invariant) => {
    const failure = await fuzzSeed(1, { sabotage, rounds: 1 });
    expect(failure?.invariant).toMatch(invariant);
  });
});
