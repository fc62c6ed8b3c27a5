/**
 * `npm run bench:compare -- DIR [echo full pipelined handshake memory heartbeat]`: what this checkout costs in relation
 * to another one, in interleaved rounds of one run. `DIR` is a checkout in which `npm ci && npx tsc -b bench` was run.
 */
import { echo, handshakes, interleave, type Ratio, ratioOf, type Work } from './measure.js';
import { heartbeatOf, memoryOf } from './idle.js';
import { Generator, Subject } from './processes.js';
import { benchToken, type SubjectName } from './wire.js';

/** Where nobody chose otherwise: enough for a median that single bad rounds do not move. */
const rounds = 11;
const [other, ...chosen] = process.argv.slice(2);
if (other === undefined) throw new Error('Name the folder of the checkout to compare with');
const checkouts: readonly (string | undefined)[] = [other, undefined];
const token = await benchToken();
const generator = await Generator.start();
const steady = { connections: 50, inFlight: 1, messages: 40_000 };
const pipelined = { ...steady, inFlight: 16, messages: 80_000 };

type Compare = () => Promise<Ratio>;

const benches: Record<string, readonly [row: string, compare: Compare][]> = {
  echo: [['echo', running('holdfast', echo(generator, token, steady))]],
  full: [['full', running('holdfast-full', echo(generator, token, steady))]],
  pipelined: [
    ['pipelined', running('holdfast', echo(generator, token, pipelined))],
    ['pipelined full', running('holdfast-full', echo(generator, token, pipelined))],
  ],
  handshake: [
    ['handshake', running('holdfast', handshakes(generator, token, 10_000))],
    ['handshake with a token', running('holdfast-jwt', handshakes(generator, token, 10_000))],
  ],
  memory: [['heap per idle connection', fresh(async (subject) => (await memoryOf(subject, generator, token)).heap)]],
  heartbeat: [['heartbeat', fresh((subject) => heartbeatOf(subject, generator, token, 26))]],
};

/** Both checkouts stay up for all rounds. */
function running(name: SubjectName, work: Work): Compare {
  return async () => {
    const subjects = await Promise.all(checkouts.map((checkout) => Subject.start(name, checkout)));
    try {
      return afterToBefore(await interleave(subjects, rounds, work));
    } finally {
      for (const subject of subjects) subject.stop();
    }
  };
}

/** Each round has processes of its own. */
function fresh(work: Work): Compare {
  return async () =>
    afterToBefore(
      await interleave(checkouts, rounds, async (checkout) => work(await Subject.start('holdfast', checkout))),
    );
}

function afterToBefore([before = [], after = []]: readonly number[][]): Ratio {
  return ratioOf(after, before);
}

try {
  console.log(`This checkout in relation to ${other}: median of ${rounds} rounds (lowest-highest)`);
  for (const [bench, rows] of Object.entries(benches)) {
    if (chosen.length > 0 && !chosen.includes(bench)) continue;
    for (const [row, compare] of rows) {
      const { ratio, lowest, highest } = await compare();
      console.log(`  ${row.padEnd(26)} ${ratio.toFixed(3)}  (${lowest.toFixed(2)}-${highest.toFixed(2)})`);
    }
  }
} finally {
  generator.stop();
}
