// Simulates rooms, engines and clients: `npm run sim -- --seeds 10000 --from 1 --steps 100`. Ends with exit code 1 and
// the shortest schedule it finds when a promise is broken. `--seed N` runs that one.
import { parseArgs } from 'node:util';
import { simulateRooms } from '@holdfast/testing';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    steps: { type: 'string', default: '100' },
    seed: { type: 'string' },
  },
});
const from = Number(values.seed ?? values.from);
const seeds = values.seed === undefined ? Number(values.seeds) : 1;
const steps = Number(values.steps);

const startedAt = performance.now();
const { failure, ...counts } = await simulateRooms({ from, seeds, steps });
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
console.log(
  `${counts.runs} runs in ${seconds} s, ${counts.published} publications, ${counts.delivered} deliveries, ${counts.forks} forks`,
);
if (failure) {
  const { seed, violation, steps: shortest, trace } = failure;
  console.error(`\nSeed ${seed}: ${violation}\n\nWhat happened last:\n${trace.slice(-100).join('\n')}`);
  console.error(`\nThe shortest schedule that was found has ${shortest.length} steps:`);
  for (const step of shortest) console.error(JSON.stringify(step));
  console.error(`\nAgain: npm run sim -- --seed ${seed} --steps ${steps}`);
  process.exitCode = 1;
}
