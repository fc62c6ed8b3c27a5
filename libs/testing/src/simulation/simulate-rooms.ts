import { scheduleOf, type SimStep } from './sim-schedule.js';
import { simulate, type SimulationRun } from './simulate.js';

/** @publicApi */
export interface SimulationOptions {
  /** The first seed. Default 1. */
  readonly from?: number;
  /** How many seeds are run, one after the other. */
  readonly seeds: number;
  /** Things that happen in one run. Default 100. */
  readonly steps?: number;
  /** Nothing is lost but with a connection, and the engine keeps its data. Default false. */
  readonly isLossless?: boolean;
  /** Looks for a shorter schedule with a violation, which takes some hundred runs. Default true. */
  readonly shrinks?: boolean;
}

/** A schedule under which the promise was broken. @publicApi */
export interface SimulationFailure {
  readonly seed: number;
  readonly violation: string;
  /** What happened, as far as it is needed for a violation. */
  readonly steps: readonly SimStep[];
  /** Everything that happened, the violation at the end. */
  readonly trace: readonly string[];
}

/** @publicApi */
export interface SimulationReport {
  /** Runs without a violation. */
  readonly runs: number;
  readonly published: number;
  readonly delivered: number;
  readonly forks: number;
  /** The first violation ends the simulation. */
  readonly failure: SimulationFailure | undefined;
}

/**
 * Nodes with feeds, on an engine that loses, repeats, delays and swaps deliveries, loses answers, forks and empties itself,
 * with clients that come and go, read slowly, are cut and move to other nodes: whatever happens, each client gets every
 * publication of its rooms once and in order, or is told how many it does not get and why, and in the end everybody is
 * at the top.
 *
 * Virtual time and seeded chance: the same seed gives the same run.
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

/** Leaves out what is not needed for a violation: halves first, then less and less. */
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
