// Fuzzes the gateway by TCP segments: `npm run fuzz -- --minutes 10 --seed 1`. Each seed draws options and attacks; the
// run goes on with the next one until the time is over. Ends with exit code 1 at the first invariant that does not
// hold, and says how to repeat it.
import { parseArgs } from 'node:util';
import { loadTestProgram } from './load-test-program.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const program = /** @type {typeof import('../test/fuzz/fuzz.js')} */ (await loadTestProgram('fuzz/fuzz.ts'));

const until = performance.now() + Number(values.minutes) * 60_000;
let seed = Number(values.seed);
do {
  const failure = await program.fuzzSeed(seed, { told: console.log });
  if (failure) {
    console.error(`\nSeed ${seed}, round ${failure.round}: ${failure.message}`);
    console.error(`\nAgain: npm run fuzz -- --seed ${seed} --minutes 0`);
    process.exit(1);
  }
  seed++;
} while (performance.now() < until);
// What vite has started would go on.
process.exit(0);
