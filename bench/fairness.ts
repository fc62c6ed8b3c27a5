import { median } from './measure.js';
import { Flood, Innocent, Subject } from './processes.js';
import type { FloodKind, SubjectName } from './wire.js';

const runs = 5;
/** How long a flood goes on before it is watched: the first second is that of a cold process. */
const warmUpSeconds = 2;
const seconds = 6;
const connections = 20;

/** Each flood, and who meets it: the first two are the controls. */
const floods: readonly [FloodKind | undefined, readonly SubjectName[]][] = [
  [undefined, ['ws', 'nest', 'holdfast', 'nest-full', 'holdfast-full']],
  ['tiny', ['ws', 'nest', 'holdfast']],
  ['pings', ['ws', 'nest', 'holdfast']],
  ['fragments', ['ws', 'nest', 'holdfast']],
  ['dto', ['ws', 'nest-full', 'holdfast-full']],
  ['members', ['ws', 'nest-full', 'holdfast-full']],
  ['limited', ['ws', 'nest-full', 'holdfast-full']],
];

/** How long an innocent client waits for its answers while others flood the server (p99, median of the runs). */
export async function fairness(token: string): Promise<void> {
  console.log(
    `\nFairness: ${connections} connections flood, one client asks every 20 ms; p99 in ms, median of ${runs} runs`,
  );
  for (const [flood, names] of floods) {
    for (const name of names) {
      const measured = [];
      for (let run = 0; run < runs; run++) measured.push(await oneRun(name, flood, token));
      const requests = measured.map(({ requestP99 }) => requestP99);
      const request = median(requests).toFixed(1).padStart(8);
      const spread = `(${Math.min(...requests).toFixed(0)}-${Math.max(...requests).toFixed(0)})`.padStart(12);
      const health = median(measured.map(({ healthP99 }) => healthP99))
        .toFixed(1)
        .padStart(8);
      console.log(
        `  ${(flood ?? 'no flood').padEnd(10)} ${name.padEnd(14)} request ${request} ${spread}   HTTP ${health}`,
      );
    }
  }
}

async function oneRun(name: SubjectName, kind: FloodKind | undefined, token: string) {
  const subject = await Subject.start(name);
  const innocent = await Innocent.start({ port: subject.port, token, seconds });
  const flood = kind && (await Flood.start({ port: subject.port, token, kind, connections }));
  try {
    if (flood) await new Promise((resolve) => setTimeout(resolve, warmUpSeconds * 1000));
    return await innocent.watch();
  } finally {
    flood?.stop();
    innocent.stop();
    subject.stop();
    process.stderr.write('.');
  }
}
