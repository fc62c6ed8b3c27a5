/**
 * Randomness as a port, so that jitter is repeatable under a seed.
 *
 * @publicApi
 */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** Good enough for jitter; never for secrets. */
export const systemRandom: Random = { next: () => Math.random() };
