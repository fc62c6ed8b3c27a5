import { describe, expect, it } from 'vitest';
import { churn, type Sabotage } from './churn/churn.js';
import { chromiumMissing, requires } from './support/requirement.js';

// `npm run churn` goes on with other seeds for as long as it is told to.
describe('users that come and go', { timeout: 120_000 }, () => {
  it.each([1, 2, 3])('have the record of the logs (seed %i)', async (seed) => {
    const result = await churn(seed, { users: 10, steps: 1_500 });
    expect(result.faults).toEqual([]);
    expect(result.cuts).toBeGreaterThan(20);
    expect(result.handovers).toBeGreaterThan(5);
    expect(result.delivered).toBeGreaterThan(500);
  });
});

requires('Chromium', chromiumMissing)('tabs that reload among them', () => {
  it('go on where they were', { timeout: 120_000 }, async () => {
    const result = await churn(1, { users: 10, steps: 6_000, tabs: 2 });
    expect(result.faults).toEqual([]);
    expect(result.reloads).toBeGreaterThan(5);
  });
});

describe('a server that is sabotaged is found out', { timeout: 120_000 }, () => {
  it.each<[Sabotage, RegExp]>([
    ['forget', /where the server had joined it|missed what is kept: session/],
    ['lose', /missed what is kept: too-many/],
  ])('%s', async (sabotage, fault) => {
    const { faults } = await churn(1, { users: 30, steps: 2_000, sabotage });
    expect(faults.join('\n')).toMatch(fault);
  });
});
