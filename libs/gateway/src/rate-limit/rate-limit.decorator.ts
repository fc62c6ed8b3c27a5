import type { Connection } from '../connection/index.js';
import { isCost, type LimitAlgorithm, limitRuleProblems } from '@holdfast/backplane';

const rateLimit = Symbol('holdfast:rate-limit');

/**
 * Whose uses are counted together: those of one connection, one principal (connections without one count by
 * connection), one address (IPv6: one /64), or whatever shares the string a function returns.
 *
 * @publicApi
 */
export type RateLimitSubject = 'connection' | 'principal' | 'ip' | ((connection: Connection) => string);

/**
 * How often messages may be handled.
 *
 * @publicApi
 */
export interface RateLimitOptions {
  /** Units per window. Whole number, 1 or more. Infinity: no limit. */
  readonly limit: number;
  /** Length of the window in milliseconds; for a token bucket the time in which it fills up. */
  readonly windowMs: number;
  /** Default `sliding-window`, which never lets more than `limit` through in any span of `windowMs`. */
  readonly algorithm?: LimitAlgorithm;
  /** Default `connection`. */
  readonly per?: RateLimitSubject;
  /**
   * Units one message takes, or a function of its data, which nobody has validated yet. Default 1. 0: the message is
   * not counted. A function that throws, or returns anything but a whole number of 0 or more, is a programming error:
   * the message is answered `INTERNAL`, and the error is logged.
   */
  readonly cost?: number | ((data: unknown) => number);
  /**
   * Rules with the same name share one count, whatever they are attached to. They must have the same `algorithm` and
   * `windowMs`, or the boot fails. Default: each event counts alone.
   */
  readonly shared?: string;
  /**
   * Refusals by this rule in a row on one connection after which it is closed with 4429, in place of the last answer.
   * Default Infinity: never.
   */
  readonly closeAfter?: number;
  /**
   * What becomes of messages while the limiter cannot be asked, because a server that counts for all nodes is away.
   * `refuse`: they are answered `UNAVAILABLE`. Default `allow`: they pass, and are counted by
   * `holdfast.rate_limit.unchecked`.
   */
  readonly onFailure?: 'allow' | 'refuse';
}

/**
 * Limits how often a handler, or each handler of a class, is called. Enforced by the gateway itself; nothing else has
 * to be attached. What is above the limit is answered `RATE_LIMITED` with `retryAfterMs` (PROTOCOL.md 7.2).
 *
 * All rules of a handler hold: several on the method, such as one for bursts and one for the hour, and those of the
 * class.
 *
 * @throws RangeError naming what is wrong with the rule.
 * @publicApi
 */
export function RateLimit(options: RateLimitOptions): ClassDecorator & MethodDecorator {
  const problems = rateLimitProblems(options);
  if (problems.length > 0) throw new RangeError(`@RateLimit(): ${problems.join('; ')}`);
  return (target: object, _name?: string | symbol, descriptor?: PropertyDescriptor): void => {
    // A decorated method is the value of its descriptor.
    const owner = descriptor ? (descriptor.value as object) : target;
    // Decorators are applied from the last to the first.
    Reflect.defineMetadata(rateLimit, [options, ...ownRateLimits(owner)], owner);
  };
}

/** The rules of a method, or of a class; a class that has none goes by those of its base class. */
export function rateLimitsOf(target: object): readonly RateLimitOptions[] {
  // Only `@RateLimit()` writes under its own symbol, and it has checked what it writes.
  return (Reflect.getMetadata(rateLimit, target) ?? []) as readonly RateLimitOptions[];
}

function ownRateLimits(target: object): readonly RateLimitOptions[] {
  return (Reflect.getOwnMetadata(rateLimit, target) ?? []) as readonly RateLimitOptions[];
}

function rateLimitProblems(options: RateLimitOptions): string[] {
  const { limit, windowMs, algorithm = 'sliding-window', cost = 1, closeAfter = Infinity } = options;
  const { onFailure = 'allow' }: { onFailure?: unknown } = options;
  const problems = limitRuleProblems({ limit, windowMs, algorithm });
  if (onFailure !== 'allow' && onFailure !== 'refuse') {
    problems.push(`onFailure must be 'allow' or 'refuse', not ${String(onFailure)}`);
  }
  if (!(closeAfter >= 1)) problems.push(`closeAfter must be 1 or more, or Infinity, not ${closeAfter}`);
  if (typeof cost === 'function') return problems;
  if (!isCost(cost)) problems.push(`cost must be a whole number of 0 or more, or a function, not ${cost}`);
  else if (cost > limit) problems.push(`cost (${cost}) must not be above limit (${limit}): no message would pass`);
  return problems;
}
