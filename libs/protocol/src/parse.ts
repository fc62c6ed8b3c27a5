import { isObject, memberOf, type ParseResult, refuse } from './members.js';
import { type HelloData, maxTokenLength, type PingData, type PongData, type RefreshData } from './reserved.js';

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
