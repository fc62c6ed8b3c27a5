// Breaks a cluster of three nodes on a real Redis behind nginx, again and again, while clients use it, and checks that
// none of them has missed anything: `npm run chaos -- --minutes 10 --seed 7`. With `--loses-data` Redis is emptied, too;
// with `--engine sentinel --loses-data` primaries are replaced by replicas. Ends with exit code 1 when one has.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadTestProgram } from './load-test-program.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    clients: { type: 'string', default: '200' },
    rate: { type: 'string', default: '200' },
    rooms: { type: 'string', default: '20' },
    'loses-data': { type: 'boolean', default: false },
    engine: { type: 'string', default: 'single' },
    short: { type: 'boolean', default: false },
    output: { type: 'string' },
  },
});
const program =
  /**
   * As in test/chaos/chaos.ts, whose types need those of browsers.
   *
   * @type {{
   *   chaos: (options: object) => Promise<{ violations: string[]; records: object[]; recovery: Map<string, object> }>;
   * }}
   */ (await loadTestProgram('chaos/chaos.ts'));
const seed = Number(values.seed);
console.log(`Seed ${seed}`);
const { violations, records, recovery, ...counts } = await program.chaos({
  seed,
  ms: Number(values.minutes) * 60_000,
  clients: Number(values.clients),
  rate: Number(values.rate),
  rooms: Number(values.rooms),
  isShort: values.short,
  losesData: values['loses-data'],
  engine: values.engine,
  progress: (/** @type {string} */ line) => console.log(line),
});
console.log(JSON.stringify(counts));
console.table(Object.fromEntries(recovery));
if (values.output !== undefined) {
  mkdirSync(values.output, { recursive: true });
  writeFileSync(join(values.output, 'records.jsonl'), records.map((one) => `${JSON.stringify(one)}\n`).join(''));
}
if (violations.length > 0) {
  console.error(`\n${violations.slice(0, 50).join('\n')}\n${violations.length} violations`);
  console.error(`\nThe same faults again: npm run chaos -- ${process.argv.slice(2).join(' ')} --seed ${seed}`);
  process.exit(1);
}
console.log('No violation');
// What vite has started would go on.
process.exit(0);
