/**
 * How the client reconnects. The longest wait grows threefold from `firstMs` to `maxMs`, and each wait is a random part
 * of it, so that a fleet which lost its server at once does not meet again.
 *
 * @publicApi
 */
export interface BackoffOptions {
  /**
   * Milliseconds: the longest first wait, and the time after a loss in which nothing hastens an attempt, but for the
   * first return. Default 1,000. 0: no wait at all.
   */
  firstMs: number;
  /** Milliseconds: the longest wait of all, applied before the randomness. Default 30,000. Infinity: no limit. */
  maxMs: number;
  /**
   * Attempts to come back in a row before the client gives up and fails. Default 100, about 25 minutes. 0: never come
   * back. Infinity: never give up. What the machine knows to be without a network is not an attempt.
   */
  maxAttempts: number;
  /**
   * Milliseconds a connection has to last before attempts are counted from 0 again. Default 10,000: a server that
   * welcomes and then fails, or drains, is not met in a loop. 0: from the welcome on, and such a server is.
   */
  stableMs: number;
}

/**
 * Not 2: with longest waits of 1 s and 2 s, 5 % of a fleet would land in each 100 ms of the second attempt, and by
 * chance more. Nor 2.5, with which the first of the third attempts would meet the last of the second.
 */
const growth = 3;

/**
 * After so many there is nothing left to grow, and long after that the power is Infinity, of which 0 times is no
 * number.
 */
const growthEnds = 100;

/** The longest wait after so many failed attempts. */
export function longestWaitMs(attempts: number, { firstMs, maxMs }: BackoffOptions): number {
  return Math.min(maxMs, firstMs * growth ** Math.min(attempts, growthEnds));
}
