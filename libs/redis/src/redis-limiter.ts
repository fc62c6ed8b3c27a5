import type { Limiter, LimitRule, LimitVerdict } from '@holdfast/backplane';
import type { Keys } from './keys.js';
import type { Argument, Script } from './link.js';
import { Reply } from './replies.js';
import { limitScripts } from './scripts/limits.js';

export interface RedisLimiterParts {
  readonly keys: Keys;
  /** Milliseconds. Undefined: the time of the server, so that clocks of nodes do not matter. */
  readonly now: (() => number) | undefined;
  /** @throws BackplaneError */
  run(script: Script, key: string, args: readonly Argument[]): Promise<unknown>;
}

/** Limits that all nodes count together: one hash for each key, and one script for each use. */
export class RedisLimiter implements Limiter {
  constructor(private readonly parts: RedisLimiterParts) {}

  async consume(key: string, { limit, windowMs, algorithm }: LimitRule, cost = 1): Promise<LimitVerdict> {
    if (!Number.isSafeInteger(cost) || cost < 0) throw new RangeError(`cost must be a whole number >= 0, not ${cost}`);
    if (limit === Infinity) return { allowed: true, remaining: Infinity, retryAfterMs: 0 };
    const isPossible = cost <= limit;
    const name = this.parts.keys.limit(algorithm, windowMs, key);
    const time = this.parts.now ? Math.floor(this.parts.now()) : '';
    const args = [limit, windowMs, isPossible ? cost : 0, time];
    const reply = new Reply(await this.parts.run(limitScripts[algorithm], name, args), 'limit');
    const allowed = reply.number() === 1;
    const [remaining, retryAfterMs] = [reply.number(), reply.number()];
    return isPossible ? { allowed, remaining, retryAfterMs } : { allowed: false, remaining, retryAfterMs: Infinity };
  }
}
