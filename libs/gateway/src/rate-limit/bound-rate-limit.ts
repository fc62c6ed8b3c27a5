import type { Connection } from '../connection/index.js';
import type { LimitRule } from '@holdfast/backplane';
import { type RateLimitOptions, rateLimitsOf } from './rate-limit.decorator.js';

/** A {@link RateLimitOptions} as it is attached to one event, resolved at boot. */
export interface BoundRateLimit {
  readonly rule: LimitRule;
  readonly options: RateLimitOptions;
  /** What sets its keys apart from those of other rules. */
  readonly name: string;
  /** The handler it is attached to. */
  readonly place: string;
  /** Keys that last as long as a connection: to put one together for each message costs more than to look it up. */
  readonly keys: WeakMap<Connection, string>;
  /** Refusals in a row, of connections that have any; undefined where they are of no consequence. */
  readonly refusals: WeakMap<Connection, number> | undefined;
}

/**
 * The rules of a handler and then those of its class.
 *
 * @param place - names the handler, the same on every node.
 * @param path - where its gateway is: classes on other paths may have the same names.
 */
export function bindRateLimits(type: object, handler: object, place: string, path = ''): readonly BoundRateLimit[] {
  return [handler, type]
    .flatMap((target) => rateLimitsOf(target))
    .map((options, index) => {
      const { limit, windowMs, algorithm = 'sliding-window', shared, closeAfter = Infinity } = options;
      return {
        rule: { limit, windowMs, algorithm },
        options,
        // Each has its own count: two rules under one key would start each other afresh with every message.
        name: shared === undefined ? `${path} ${place}#${index}` : `shared:${shared}`,
        place,
        keys: new WeakMap(),
        refusals: closeAfter < Infinity ? new WeakMap() : undefined,
      };
    });
}

/** Rules that share a count but measure it differently would start it afresh in turn, and nothing would be limited. */
export function sharedRuleProblems(limits: Iterable<BoundRateLimit>): string[] {
  const first = new Map<string, BoundRateLimit>();
  const problems: string[] = [];
  for (const limit of limits) {
    const { rule, options, name, place } = limit;
    if (options.shared === undefined) continue;
    const other = first.get(name);
    if (!other) first.set(name, limit);
    else if (other.rule.algorithm !== rule.algorithm || other.rule.windowMs !== rule.windowMs) {
      problems.push(
        `${other.place} and ${place} share the rate limit "${options.shared}" but count it differently: ` +
          `${other.rule.algorithm} of ${other.rule.windowMs} ms and ${rule.algorithm} of ${rule.windowMs} ms`,
      );
    }
  }
  return problems;
}
