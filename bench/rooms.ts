import { compare, median, type Row, type Work } from './measure.js';
import { type Generator, Subject } from './processes.js';
import type { SubjectName } from './wire.js';

interface Crowd {
  readonly connections: number;
  /** Publications in one turn of the event loop. */
  readonly burst: number;
  readonly bursts: number;
  readonly rounds: number;
}

const names = ['ws-crowd', 'socket.io-crowd', 'holdfast-crowd', 'holdfast-crowd-log'] satisfies SubjectName[];

/** Events to a room that all connections are in. */
export async function rooms(
  generator: Generator,
  token: string,
  print: (title: string, unit: string, rows: readonly Row[]) => void,
): Promise<void> {
  for (const [title, crowd] of [
    ['128 B to 1,000 members of a room', { connections: 1_000, burst: 1, bursts: 300, rounds: 5 }],
    ['Ten in one burst to 1,000 members', { connections: 1_000, burst: 10, bursts: 60, rounds: 5 }],
    // To connect them takes longer than to publish.
    ['128 B to 10,000 members', { connections: 10_000, burst: 1, bursts: 40, rounds: 3 }],
  ] as const) {
    const rows = await compare(names, crowd.rounds, publications(generator, token, crowd));
    print(`${title} (holdfast-crowd-log: with history and positions)`, 'us CPU/delivery', rows);
  }
}

/** CPU microseconds per delivery, after a warm-up. */
function publications(generator: Generator, token: string, { connections, burst, bursts }: Crowd): Work {
  return async (subject) => {
    const place = { port: subject.port, socketIo: subject.name.startsWith('socket.io'), token };
    await generator.order({ kind: 'hold', ...place, connections });
    let before = 0;
    const warmUp = Math.ceil(bursts / 4);
    for (let n = 1; n <= warmUp + bursts; n++) {
      if (n === warmUp + 1) before = subject.cpuSeconds();
      subject.publish(burst);
      await generator.order({ kind: 'receive', total: n * burst * connections });
    }
    const cost = ((subject.cpuSeconds() - before) / (bursts * burst * connections)) * 1e6;
    await generator.order({ kind: 'release' });
    return cost;
  };
}

/** What it costs to give each of many clients what it has missed, beside delivering the same live. */
export async function recovery(generator: Generator, token: string): Promise<void> {
  const connections = 1_000;
  const missed = 100;
  const ratios: number[] = [];
  let [live, recovered] = [0, 0];
  for (let round = 0; round < 5; round++) {
    const subject = await Subject.start('holdfast-crowd-log');
    const cpuOf = async (work: () => Promise<void>): Promise<number> => {
      // What is left of the work before is not counted.
      await subject.heapBytes();
      const before = subject.cpuSeconds();
      await work();
      return ((subject.cpuSeconds() - before) / (connections * missed)) * 1e6;
    };
    const comeBack = (count: number) => async (): Promise<void> => {
      await generator.order({ kind: 'return', port: subject.port, token, connections, missed: count });
    };
    // The first time is a warm-up, too.
    await comeBack(0)();
    live = await cpuOf(async () => {
      for (let n = 1; n <= missed; n++) {
        subject.publish(1);
        await generator.order({ kind: 'receive', total: n * connections });
      }
    });
    await generator.order({ kind: 'release' });
    // The first of both is a warm-up.
    for (let turn = 0; turn < 2; turn++) {
      const nothingMissed = await cpuOf(comeBack(0));
      await generator.order({ kind: 'release' });
      recovered = (await cpuOf(comeBack(missed))) - nothingMissed;
      await generator.order({ kind: 'release' });
    }
    subject.stop();
    ratios.push(recovered / live);
    process.stderr.write('.');
  }
  console.log(`\n\n${connections} clients that have missed ${missed} publications of 128 B each, and come back`);
  console.log(
    `  ${median(ratios).toFixed(2)}x of delivering them live (${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}); ` +
      `the last round: ${live.toFixed(2)} us CPU live, ${recovered.toFixed(2)} us more than to come back having missed nothing`,
  );
}
