import { scheduleOf, type SimStep } from './sim-schedule.js';
import { simulate, type SimulationRun } from './simulate.js';

/** Options of {@link simulateRooms}. @publicApi */
export interface SimulationOptions {
  /** The first seed. Default 1. */
  readonly from?: number;
  /** Number of seeds. */
  readonly seeds: number;
  /** Number of steps per seed. Default 100. */
  readonly steps?: number;
  /** Deliveries and replies are lost only when a connection breaks, and the engine keeps its data. Default false. */
  readonly isLossless?: boolean;
  /** Whether to search a shorter schedule that also fails, which takes some hundred runs. Default true. */
  readonly shrinks?: boolean;
}

/** A run in which a guarantee was broken. @publicApi */
export interface SimulationFailure {
  readonly seed: number;
  readonly violation: string;
  /** The steps, shortened as far as possible. */
  readonly steps: readonly SimStep[];
  /** The events of the run, in order. */
  readonly trace: readonly string[];
}

/** Result of {@link simulateRooms}. @publicApi */
export interface SimulationReport {
  /** Number of seeds without a violation. */
  readonly runs: number;
  readonly published: number;
  readonly delivered: number;
  readonly forks: number;
  /** The first violation ends the simulation. */
  readonly failure: SimulationFailure | undefined;
}

/**
 * Simulates rooms on several nodes. The engine loses, repeats, delays and reorders deliveries, loses replies, loses
 * data and stops answering; nodes crash; clients join, leave, read slowly, are cut, resume, and move to other nodes.
 * Checks that each client gets every publication of its rooms once and in order, or is told how many it misses and why;
 * that publishers are told the truth; and that every client is at the top in the end.
 *
 * Time is virtual and randomness is seeded: the same seed gives the same run.
 *
 * @publicApi
 */
export async function simulateRooms(options: SimulationOptions): Promise<SimulationReport> {
  const { from = 1, seeds, steps = 100, shrinks = true, isLossless = false } = options;
  const report = { runs: 0, published: 0, delivered: 0, forks: 0 };
  for (let seed = from; seed < from + seeds; seed++) {
    const run: Run = (schedule, trace) => simulate(seed, schedule, { isLossless, trace });
    const schedule = scheduleOf(seed, steps);
    const { violation, published, delivered, forks } = await run(schedule);
    if (violation !== undefined) {
      const shortest = shrinks ? await shrink(schedule, run) : schedule;
      return { ...report, failure: { seed, ...(await explain(shortest, run)) } };
    }
    report.runs++;
    report.published += published;
    report.delivered += delivered;
    report.forks += forks;
  }
  return { ...report, failure: undefined };
}

type Run = (steps: readonly SimStep[], trace?: (line: string) => void) => Promise<SimulationRun>;

async function explain(steps: readonly SimStep[], run: Run): Promise<Omit<SimulationFailure, 'seed'>> {
  const trace: string[] = [];
  const { violation = 'none the second time: the run depends on more than its seed' } = await run(steps, (line) =>
    trace.push(line),
  );
  return { violation, steps, trace };
}

/** Removes steps that are not needed for a violation: first half of them at a time, then fewer and fewer. */
async function shrink(schedule: readonly SimStep[], run: Run): Promise<readonly SimStep[]> {
  let steps = schedule;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < steps.length;) {
      const fewer = [...steps.slice(0, start), ...steps.slice(start + size)];
      if ((await run(fewer)).violation === undefined) start += size;
      else steps = fewer;
    }
  }
  return steps;
}
