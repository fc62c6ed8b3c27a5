import { globalRunner, type SuiteRunner } from '../suite-runner.js';
import { deliveryCases } from './delivery-cases.js';
import { faultCases } from './fault-cases.js';
import type { BackplaneCapability, CreateBackplane } from './harness.js';
import { lifeCases } from './life-cases.js';
import { logCases } from './log-cases.js';
import { nodeCases } from './node-cases.js';
import { sessionCases } from './session-cases.js';
import { lossCases } from './loss-cases.js';
import { type Cases, within } from './world.js';

/**
 * Defines the conformance tests of `Backplane`, `SessionStore` and `NodeRegistry`. Call it in a test file of your
 * engine. The names of the tests end with the number of a MUST, or with the member whose documentation demands it.
 *
 * ```ts
 * import { describe, it } from 'vitest';
 * describeBackplane('MyBackplane', createHarness, ['sessions', 'cut', 'mend'], { describe, it });
 * ```
 *
 * @param create - creates an engine without data; called for every test. On a shared server each call needs a name
 *   space of its own.
 * @param capabilities - what the engine supports and the harness controls; tests that need more are not defined
 * @param runner - default: the global `describe` and `it`
 * @throws TypeError when there is no runner
 * @publicApi
 */
export function describeBackplane(
  name: string,
  create: CreateBackplane,
  capabilities: readonly BackplaneCapability[],
  runner: SuiteRunner = globalRunner(),
): void {
  const { describe, it } = runner;
  const define = (cases: Cases): void => {
    for (const [title, run] of Object.entries(cases)) it(title, () => within(create, run));
  };
  describe(`${name} as a Backplane`, () => {
    describe('log', () => define(logCases));
    describe('delivery', () => define(deliveryCases));
    describe('beginning and end', () => define(lifeCases));
    if (capabilities.includes('sessions')) describe('sessions', () => define(sessionCases));
    if (capabilities.includes('nodes')) describe('nodes', () => define(nodeCases));
    describe('faults', () => {
      for (const [title, { needs, run }] of Object.entries({ ...faultCases, ...lossCases })) {
        if (needs.every((need) => capabilities.includes(need))) it(title, () => within(create, run));
      }
    });
  });
}
