import { drawOptions } from './options.js';
import { baselineOf, BrokenInvariant, runRound } from './round.js';
import { type Sabotage, Subject } from './subject.js';

/** Rounds with the same options, on the same server. */
const roundsPerSeed = 3;

export interface FuzzFailure {
  readonly seed: number;
  readonly round: number;
  readonly invariant: string;
  readonly message: string;
}

/**
 * Fuzzes one server: options and attacks are those of `seed`.
 *
 * @param told - hears of each round that went well.
 * @returns the first invariant that did not hold; undefined when all did.
 */
export async function fuzzSeed(
  seed: number,
  { sabotage, rounds = roundsPerSeed, told = () => undefined }: FuzzSettings = {},
): Promise<FuzzFailure | undefined> {
  await using subject = await Subject.start(drawOptions(seed), sabotage);
  const cold = await baselineOf(subject);
  // The first round loads code and fills pools and caches: what the server holds after it is what the others leave.
  let baseline = { ...cold, bytes: Infinity };
  for (let round = 0; round <= rounds; round++) {
    try {
      const { p99 } = await runRound(subject, seed * 1_000 + round, baseline);
      told(`seed ${seed}, round ${round}: 99 of 100 answers to an innocent client within ${p99.toFixed(0)} ms`);
      if (round === 0) baseline = await baselineOf(subject);
    } catch (error) {
      if (!(error instanceof BrokenInvariant)) throw error;
      return { seed, round, invariant: error.invariant, message: error.message };
    }
  }
  return undefined;
}

export interface FuzzSettings {
  readonly sabotage?: Sabotage;
  readonly rounds?: number;
  readonly told?: (line: string) => void;
}
