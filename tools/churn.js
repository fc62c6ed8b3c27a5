// Lets users come and go: `npm run churn -- --minutes 10 --seed 1 --users 200 --steps 20000 --tabs 3`; tabs are those of
// Chromium, which reload. Goes on with the next seed until the time is over. Ends with exit code 1 at the first user
// whose record is not that of the logs.
import { parseArgs } from 'node:util';
import { loadTestProgram } from './load-test-program.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    users: { type: 'string', default: '200' },
    steps: { type: 'string', default: '20000' },
    tabs: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const program =
  /**
   * As in test/churn/churn.ts, whose types need those of browsers.
   *
   * @type {{ churn: (seed: number, options: object) => Promise<{ faults: string[] }> }}
   */ (await loadTestProgram('churn/churn.ts'));

const until = performance.now() + Number(values.minutes) * 60_000;
let seed = Number(values.seed);
do {
  const { faults, ...counts } = await program.churn(seed, {
    users: Number(values.users),
    steps: Number(values.steps),
    tabs: Number(values.tabs),
  });
  console.log(`Seed ${seed}: ${JSON.stringify(counts)}`);
  if (faults.length > 0) {
    console.error(`\n${faults.join('\n')}`);
    console.error(
      `\nAgain: npm run churn -- --seed ${seed} --minutes 0 --users ${values.users} --steps ${values.steps} --tabs ${values.tabs}`,
    );
    process.exit(1);
  }
  seed++;
} while (performance.now() < until);
// What vite has started would go on.
process.exit(0);
