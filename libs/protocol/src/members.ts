import type { FrameError } from './codec.js';
import { kindOf } from './kind-of.js';

/**
 * Outcome of reading the `data` of a reserved event; the error is `MALFORMED_FRAME`.
 *
 * @publicApi
 */
export type ParseResult<T> = { ok: true; value: T } | { ok: false; error: FrameError };

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own member only: what objects inherit was not sent by anybody. */
export function memberOf(data: unknown, name: string): unknown {
  if (!isObject(data) || !Object.hasOwn(data, name)) return undefined;
  // Safe: an object that has the member.
  return (data as Record<string, unknown>)[name];
}

export function refuse(event: string, data: unknown, member: string, rule: string): { ok: false; error: FrameError } {
  const message = isObject(data)
    ? `data.${member} of ${event} must be ${rule}, not ${kindOf(memberOf(data, member))}`
    : `data of ${event} must be an object whose ${member} is ${rule}, not ${kindOf(data)}`;
  return { ok: false, error: { code: 'MALFORMED_FRAME', message } };
}
