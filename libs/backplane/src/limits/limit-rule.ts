import type { LimitAlgorithm, LimitRule } from './limiter.js';

const algorithms: readonly LimitAlgorithm[] = ['fixed-window', 'sliding-window', 'token-bucket'];

/**
 * Says what is wrong with a rule, one sentence per field; empty when nothing is.
 *
 * @publicApi
 */
export function limitRuleProblems(rule: LimitRule): string[] {
  const { limit, windowMs, algorithm } = rule;
  const problems: string[] = [];
  if (limit !== Infinity && !isCount(limit)) {
    problems.push(`limit must be a whole number not less than 1, or Infinity for no limit, not ${limit}`);
  }
  if (!isCount(windowMs)) problems.push(`windowMs must be a whole number not less than 1, not ${windowMs}`);
  if (!algorithms.includes(algorithm)) {
    problems.push(`algorithm must be one of ${algorithms.join(', ')}, not ${algorithm}`);
  }
  // The bucket counts in parts of a unit, one per millisecond of the window; beyond this it would count inexactly.
  const parts = limit * windowMs;
  if (algorithm === 'token-bucket' && limit !== Infinity && parts > Number.MAX_SAFE_INTEGER) {
    problems.push(`limit times windowMs must not be above 2^53 for token-bucket, but is ${parts}`);
  }
  return problems;
}

/**
 * What {@link Limiter.consume} takes for a cost.
 *
 * @publicApi
 */
export function isCost(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
