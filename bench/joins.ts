import { median } from './measure.js';
import { type Generator, Subject } from './processes.js';
import type { VisitOrder } from './wire.js';

const rounds = 5;
const connections = 50;
const steps = 40_000;

/** What joining and leaving a room costs, beside an echo of the same clients to the same process. */
export async function joins(generator: Generator, token: string): Promise<void> {
  const costs = new Map<VisitOrder['step'], number[]>();
  for (let round = 0; round < rounds; round++) {
    const subject = await Subject.start('holdfast-crowd');
    for (const step of ['echo', 'echo twice', 'visit', 'join'] as const) {
      const order = { kind: 'visit', port: subject.port, token, connections, step } as const;
      await generator.order({ ...order, steps: steps / 4 });
      const before = subject.cpuSeconds();
      await generator.order({ ...order, steps });
      const cost = ((subject.cpuSeconds() - before) / steps) * 1e6;
      costs.set(step, [...(costs.get(step) ?? []), cost]);
    }
    subject.stop();
    process.stderr.write('.');
  }
  const of = (step: VisitOrder['step']): number => median(costs.get(step) ?? []);
  const against = (step: VisitOrder['step'], control: VisitOrder['step']): string => {
    const ratios = (costs.get(step) ?? []).map((cost, round) => cost / (costs.get(control)?.[round] ?? Number.NaN));
    return `${median(ratios).toFixed(2)}x (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`;
  };
  console.log(`\n\nJoining a room and leaving it, ${connections} SDK clients, median of ${rounds} rounds`);
  console.log(`  echo                                        ${of('echo').toFixed(1)} us CPU`);
  console.log(
    `  $join, $joined, $leave, $left               ${of('join').toFixed(1)} us CPU: ${against('join', 'echo')} of an echo, ${against('join', 'echo twice')} of two`,
  );
  console.log(
    `  connection.join and leave in a handler      ${(of('visit') - of('echo')).toFixed(1)} us CPU more than an echo`,
  );
}
