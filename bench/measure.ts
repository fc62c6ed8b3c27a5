import { type Generator, Subject } from './processes.js';
import type { SubjectName } from './wire.js';

/** Does the same work on one subject; returns what it cost. */
export type Work = (subject: Subject) => Promise<number>;

export interface Ratio {
  /** Median of the ratios to the control of the same round. */
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  /** Median of what it cost. */
  readonly cost: number;
}

export interface Row extends Ratio {
  readonly subject: SubjectName;
}

/**
 * Measures subjects in interleaved rounds, forwards and backwards in turn, so that whatever else the machine does
 * meets all of them; the first subject is the control. Only ratios within a round are compared.
 */
export async function compare(names: readonly SubjectName[], rounds: number, work: Work): Promise<Row[]> {
  const subjects = await Promise.all(names.map((name) => Subject.start(name)));
  try {
    const costs = await interleave(subjects, rounds, work);
    return subjects.map(({ name }, index) => ({ subject: name, ...ratioOf(costs[index] ?? [], costs[0] ?? []) }));
  } finally {
    for (const subject of subjects) subject.stop();
  }
}

/** @returns the costs of each of `subjects`, by round. */
export async function interleave<S>(
  subjects: readonly S[],
  rounds: number,
  work: (subject: S) => Promise<number>,
): Promise<number[][]> {
  const costs: number[][] = subjects.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const order = subjects.map((_, index) => index);
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      // One of the indexes made above.
      costs[index]?.push(await work(subjects[index] as S));
      process.stderr.write('.');
    }
  }
  process.stderr.write('\n');
  return costs;
}

export function ratioOf(costs: readonly number[], control: readonly number[]): Ratio {
  const ratios = costs.map((cost, round) => cost / (control[round] ?? Number.NaN));
  return {
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    cost: median(costs),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}

export interface EchoLoad {
  readonly connections: number;
  readonly inFlight: number;
  readonly messages: number;
  /** Default true: requests, which are answered by their id. */
  readonly withId?: boolean;
}

/** CPU microseconds per message, after a warm-up. */
export function echo(
  generator: Generator,
  token: string,
  { connections, inFlight, messages, withId = true }: EchoLoad,
): Work {
  return async (subject) => {
    const place = { port: subject.port, socketIo: subject.name === 'socket.io', token };
    const load = { kind: 'echo', ...place, connections, inFlight, withId } as const;
    await generator.order({ kind: 'hold', ...place, connections });
    await generator.order({ ...load, messages: messages / 4 });
    const before = subject.cpuSeconds();
    await generator.order({ ...load, messages });
    const cost = ((subject.cpuSeconds() - before) / messages) * 1e6;
    await generator.order({ kind: 'release' });
    return cost;
  };
}

/**
 * CPU microseconds per handshake, after a warm-up.
 *
 * @param ownTokens - each connection has a token that the subject has not seen.
 */
export function handshakes(generator: Generator, token: string, count: number, ownTokens = false): Work {
  return async (subject) => {
    const place = { port: subject.port, socketIo: subject.name === 'socket.io', token };
    const load = { kind: 'handshakes', ...place, ownTokens } as const;
    await generator.order({ ...load, count: count / 4 });
    const before = subject.cpuSeconds();
    await generator.order({ ...load, count });
    return ((subject.cpuSeconds() - before) / count) * 1e6;
  };
}
