import { type ParseResult } from './members.js';
import {
  type DrainData,
  type ErrorData,
  type PingData,
  type RefreshRequestData,
  ReservedEvent,
  type WelcomeData,
} from './reserved.js';

/** What each member must be. Data, not code: browsers load it. */
type Shape = { readonly [member: string]: Rule | Shape };
type Rule = 'a string' | 'a number, 0 or more' | 'a number, 0 or more, or absent';

const text = 'a string';
const amount = 'a number, 0 or more';
const optionalAmount = 'a number, 0 or more, or absent';

/**
 * Reads the `data` of a server's `$welcome` (PROTOCOL.md 6.2).
 *
 * @publicApi
 */
export function parseWelcome(data: unknown): ParseResult<WelcomeData> {
  const heartbeat = { intervalMs: amount, graceMs: amount } as const;
  return parse(ReservedEvent.welcome, data, { connectionId: text, heartbeat, limits: { maxPayloadBytes: amount } });
}

/**
 * Reads the `data` of a server's `$ping` (PROTOCOL.md 8.3). Whatever its number is, that is the one to answer.
 *
 * @publicApi
 */
export function parseServerPing(data: unknown): ParseResult<PingData> {
  return parse(ReservedEvent.ping, data, { n: amount });
}

/**
 * Reads the `data` of a server's `$drain` (PROTOCOL.md 10.1).
 *
 * @publicApi
 */
export function parseDrain(data: unknown): ParseResult<DrainData> {
  return parse(ReservedEvent.drain, data, { retryAfterMs: amount, windowMs: amount, reason: text });
}

/**
 * Reads the `data` of a server's `$refresh` (PROTOCOL.md 9.2).
 *
 * @publicApi
 */
export function parseRefreshRequest(data: unknown): ParseResult<RefreshRequestData> {
  return parse(ReservedEvent.refresh, data, { expiresInMs: amount });
}

/**
 * Reads the `data` of a server's `$error` (PROTOCOL.md 7.1).
 *
 * @publicApi
 */
export function parseError(data: unknown): ParseResult<ErrorData> {
  return parse(ReservedEvent.error, data, { code: text, message: text, retryAfterMs: optionalAmount });
}

function parse<T>(event: string, data: unknown, shape: Shape): ParseResult<T> {
  const fault = faultIn(data, shape, 'data');
  return fault === undefined
    ? // Safe: the shape lists what is required of T, and the rest is optional.
      { ok: true, value: data as T }
    : { ok: false, error: { code: 'MALFORMED_FRAME', message: `${event}: ${fault}` } };
}

function faultIn(data: unknown, shape: Shape, path: string): string | undefined {
  for (const [member, rule] of Object.entries(shape)) {
    // Safe: anything that is neither null nor undefined can be read by name, and what is found is checked.
    const value = (data as Record<string, unknown> | null | undefined)?.[member];
    const at = `${path}.${member}`;
    const fault =
      typeof rule === 'string' ? !follows(value, rule) && `${at} must be ${rule}` : faultIn(value, rule, at);
    if (fault) return fault;
  }
  return undefined;
}

function follows(value: unknown, rule: Rule): boolean {
  if (rule === text) return typeof value === 'string';
  return rule === optionalAmount && value === undefined ? true : typeof value === 'number' && value >= 0;
}
