/**
 * How the client reconnects. The longest wait grows threefold from `firstMs` to `maxMs`, and each wait is a random part
 * of it, so that clients which lost their server together do not reconnect together.
 *
 * @publicApi
 */
export interface BackoffOptions {
  /**
   * Milliseconds: the longest first wait. From the second attempt on, also the shortest time between a loss and an
   * attempt that `connect()`, the network or the page brings forward. Default 1,000. 0: no wait.
   */
  firstMs: number;
  /** Milliseconds: the longest wait, before the random part is taken. Default 30,000. Infinity: no limit. */
  maxMs: number;
  /**
   * Failed attempts in a row after which the client is `failed`. Default 100, about 25 minutes. It starts over when the
   * network is back or the page is shown. 0: never reconnect. Infinity: never give up. While the platform reports no
   * network, there are no attempts.
   */
  maxAttempts: number;
  /**
   * Milliseconds a connection has to last before attempts are counted from 0 again. Default 10,000, so that a server
   * which accepts and then fails is not tried in a loop. 0: counted from 0 at each welcome.
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
