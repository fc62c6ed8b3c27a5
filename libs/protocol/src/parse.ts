import { isObject, memberOf, type ParseResult, refuse } from './members.js';
import { isPresented } from './parse-rooms.js';
import {
  type HelloData,
  maxTokenLength,
  type PingData,
  type PongData,
  type PresentedPosition,
  type RefreshData,
} from './reserved.js';

/** Longer ids are of no server (PROTOCOL.md 18.3). */
const longestSession = 128;

/** More rooms are of no client (PROTOCOL.md 18.2). */
const mostPositions = 1_000;

/**
 * Reads the `data` of a client's `$hello` (PROTOCOL.md 6.1, 18.1). Absent data means: no token here, and no session
 * wanted.
 *
 * @publicApi
 */
export function parseHello(data: unknown): ParseResult<HelloData> {
  if (data === undefined || data === null) return { ok: true, value: {} };
  if (!isObject(data)) return refuse('$hello', data, 'token', `${tokenRule}, or absent`);
  const token = memberOf(data, 'token');
  const session = memberOf(data, 'session');
  const positions = memberOf(data, 'positions');
  if (token !== undefined && !isToken(token)) return refuse('$hello', data, 'token', `${tokenRule}, or absent`);
  if (session !== undefined && session !== null && !isSession(session)) {
    return refuse('$hello', data, 'session', `a string of 1 to ${longestSession} characters, null or absent`);
  }
  if (positions !== undefined && !arePositions(positions)) return refuse('$hello', data, 'positions', positionsRule);
  return {
    ok: true,
    value: { ...(token && { token }), ...(session !== undefined && { session }), ...(positions && { positions }) },
  };
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

const positionsRule = `a list of at most ${mostPositions} rooms, each with its name and with epoch and offset or neither`;

function parseBeat(event: string, data: unknown): ParseResult<{ n: number }> {
  const n = memberOf(data, 'n');
  if (typeof n === 'number' && Number.isSafeInteger(n) && n >= 0) return { ok: true, value: { n } };
  return refuse(event, data, 'n', 'a safe integer, 0 or more');
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxTokenLength;
}

function isSession(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= longestSession;
}

function arePositions(value: unknown): value is PresentedPosition[] {
  return Array.isArray(value) && value.length <= mostPositions && value.every(isPresented);
}
