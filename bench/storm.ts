import { median } from './measure.js';
import { Connected, fleetReturns, Subject } from './processes.js';
import type { SubjectName } from './wire.js';

const runs = 3;
const connected = 1_000;
const returning = 18_000;
const calmMs = 10_000;
/** What clients of a process are told that can take 1,000 handshakes a second, and what comes when nobody is told. */
const windowsMs = [18_000, 1_000];

/** How long connected clients wait for answers while a fleet returns (p99), against the same clients before. */
export async function storm(token: string): Promise<void> {
  console.log(
    `\nStorm: p99 of ${connected} clients that ask once a second while ${returning} return, median of ${runs}`,
  );
  for (const windowMs of windowsMs) {
    for (const name of ['ws-jwt', 'holdfast-jwt'] satisfies SubjectName[]) {
      const measured: Awaited<ReturnType<typeof oneRun>>[] = [];
      for (let run = 0; run < runs; run++) measured.push(await oneRun(name, windowMs, token));
      const of = (value: keyof (typeof measured)[number]): number => median(measured.map((each) => each[value]));
      const ratios = measured.map(({ before, during }) => during / before);
      console.log(
        `  within ${String(windowMs / 1_000).padStart(2)} s  ${name.padEnd(14)} before ${of('before').toFixed(1)} ms, ` +
          `during ${of('during').toFixed(1)} ms: ${median(ratios).toFixed(2)}x (${Math.min(...ratios).toFixed(2)}-` +
          `${Math.max(...ratios).toFixed(2)}); all back after ${of('seconds').toFixed(1)} s, ` +
          `refused ${of('refused')}, failed ${of('failed')}, of the connected lost ${of('lost')}`,
      );
    }
  }
}

async function oneRun(name: SubjectName, windowMs: number, token: string) {
  const subject = await Subject.start(name);
  const clients = await Connected.start({ port: subject.port, token, connections: connected });
  try {
    await pause(calmMs);
    await clients.p99();
    await pause(calmMs);
    const before = await clients.p99();
    const { ms, refused, failed } = await fleetReturns({ port: subject.port, token, connections: returning, windowMs });
    const during = await clients.p99();
    return { before: before.p99, during: during.p99, lost: during.lost, seconds: ms / 1_000, refused, failed };
  } finally {
    clients.stop();
    subject.stop();
    process.stderr.write('.');
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
