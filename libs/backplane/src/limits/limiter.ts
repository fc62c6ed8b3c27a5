/**
 * How a limit counts.
 *
 * - `fixed-window`: a window opens with the first use and lasts `windowMs`; at most `limit` in it. Around the edge of
 *   two windows up to twice as much may pass within `windowMs`.
 * - `sliding-window`: at most `limit` in any span of `windowMs`. An engine MAY look back further than `windowMs`, by
 *   no more than a tenth of it, and so refuse what an exact log of timestamps would still allow; never the reverse.
 * - `token-bucket`: `limit` at once after a rest, then `limit` per `windowMs` spread evenly.
 *
 * @publicApi
 */
export type LimitAlgorithm = 'fixed-window' | 'sliding-window' | 'token-bucket';

/**
 * How much is allowed in how long. Check with `limitRuleProblems` at boot; engines take rules as correct.
 *
 * @publicApi
 */
export interface LimitRule {
  /** Units per window, at least 1. Infinity: no limit, and nothing is remembered. */
  readonly limit: number;
  /** Whole milliseconds, at least 1. */
  readonly windowMs: number;
  readonly algorithm: LimitAlgorithm;
}

/**
 * The answer to one use.
 *
 * @publicApi
 */
export interface LimitVerdict {
  readonly allowed: boolean;
  /** Whole units that would be allowed right now, after this use. */
  readonly remaining: number;
  /**
   * 0 when allowed. Otherwise whole milliseconds after which the same use succeeds, if nothing else uses the key;
   * Infinity: never.
   */
  readonly retryAfterMs: number;
}

/**
 * Counts uses of keys against rules. What every engine promises:
 *
 * 1. A use that is allowed MUST be counted in full, one that is refused MUST NOT be counted at all.
 * 2. Checking and counting MUST be one step: concurrent uses MUST NOT be allowed beyond the limit together.
 * 3. `retryAfterMs` MUST be true: waiting that long MUST be enough, if nobody else uses the key meanwhile.
 * 4. `cost` MUST be a whole number of units, 0 or more; anything else MUST be answered by a RangeError. 0 MUST be
 *    allowed and only reads. A cost above `limit` MUST be refused with `retryAfterMs` Infinity.
 * 5. Keys MUST NOT influence each other, whatever characters they hold.
 * 6. Time MUST NOT run backwards for a key.
 * 7. A key that is used under another algorithm or window than before MUST start afresh; callers SHOULD begin keys with
 *    the purpose of the rule (`handshake:`). Another `limit` alone MUST keep what was counted.
 * 8. Memory MUST be bounded, and what was counted MUST NOT outlive its effect. An engine MAY forget a key early only
 *    when it is full, and MUST forget the one that has not been used for longest.
 *
 * An engine in the same process answers at once; one on a server answers with a promise, which MUST reject when the
 * server cannot be asked, and soon: a message waits for its verdict. Whether the use is then allowed is the caller's
 * decision; the gateway lets messages pass.
 *
 * @publicApi
 */
export interface Limiter {
  /**
   * Uses `key` under `rule`.
   *
   * @param cost - units this use takes; default 1
   */
  consume(key: string, rule: LimitRule, cost?: number): LimitVerdict | Promise<LimitVerdict>;
}
