import { type FrameError } from './codec.js';
import { kindOf } from './kind-of.js';
import { type HelloData, maxTokenLength, type PingData, type PongData, type RefreshData } from './reserved.js';

/**
 * Outcome of reading the `data` of a reserved event; the error is `MALFORMED_FRAME`.
 *
 * @publicApi
 */
export type ParseResult<T> = { ok: true; value: T } | { ok: false; error: FrameError };

/**
 * Reads the `data` of a client's `$hello` (PROTOCOL.md 6.1). Absent and null mean: no token here.
 *
 * @publicApi
 */
export function parseHello(data: unknown): ParseResult<HelloData> {
  if (data === undefined || data === null) return { ok: true, value: {} };
  const token = memberOf(data, 'token');
  if (token === undefined && isObject(data)) return { ok: true, value: {} };
  return isToken(token) ? { ok: true, value: { token } } : refuse('$hello', data, 'token', `${tokenRule}, or absent`);
}

/**
 * Reads the `data` of a client's `$ping` (PROTOCOL.md 8).
 *
 * @publicApi
 */
export function parsePing(data: unknown): ParseResult<PingData> {
  return parseBeat('$ping', data);
}

/**
 * Reads the `data` of a client's `$pong` (PROTOCOL.md 8).
 *
 * @publicApi
 */
export function parsePong(data: unknown): ParseResult<PongData> {
  return parseBeat('$pong', data);
}

/**
 * Reads the `data` of a client's `$refresh` (PROTOCOL.md 9).
 *
 * @publicApi
 */
export function parseRefresh(data: unknown): ParseResult<RefreshData> {
  const token = memberOf(data, 'token');
  return isToken(token) ? { ok: true, value: { token } } : refuse('$refresh', data, 'token', tokenRule);
}

const tokenRule = `a string of 1 to ${maxTokenLength} characters`;

function parseBeat(event: string, data: unknown): ParseResult<{ n: number }> {
  const n = memberOf(data, 'n');
  if (typeof n === 'number' && Number.isSafeInteger(n) && n >= 0) return { ok: true, value: { n } };
  return refuse(event, data, 'n', 'a safe integer, 0 or more');
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxTokenLength;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own member only: what objects inherit was not sent by anybody. */
function memberOf(data: unknown, name: string): unknown {
  if (!isObject(data) || !Object.hasOwn(data, name)) return undefined;
  // Safe: an object that has the member.
  return (data as Record<string, unknown>)[name];
}

function refuse(event: string, data: unknown, member: string, rule: string): { ok: false; error: FrameError } {
  const message = isObject(data)
    ? `data.${member} of ${event} must be ${rule}, not ${kindOf(memberOf(data, member))}`
    : `data of ${event} must be an object whose ${member} is ${rule}, not ${kindOf(data)}`;
  return { ok: false, error: { code: 'MALFORMED_FRAME', message } };
}
