/**
 * Randomness as a port, so that jitter and epochs are repeatable under a seed.
 *
 * @publicApi
 */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** Good enough for jitter and epochs; never for secrets. */
export const systemRandom: Random = { next: () => Math.random() };
