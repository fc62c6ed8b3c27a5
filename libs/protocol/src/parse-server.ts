import type { ParseResult } from './members.js';
import {
  type DrainData,
  type ErrorData,
  maxNumber,
  maxWaitMs,
  type RefreshRequestData,
  type ReservedEvent,
  type ServerPingData,
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
  const limits = { maxPayloadBytes: amount } as const;
  const shape = { connectionId: text, heartbeat, limits, returnWindowMs: optionalAmount } as const;
  return parse('$welcome', data, shape, maxNumber);
}

/**
 * Reads the `data` of a server's `$ping` (PROTOCOL.md 8.3). Whatever its number is, that is the one to answer.
 *
 * @publicApi
 */
export function parseServerPing(data: unknown): ParseResult<ServerPingData> {
  return parse('$ping', data, { n: amount, returnWindowMs: optionalAmount }, Number.MAX_SAFE_INTEGER);
}

/**
 * Reads the `data` of a server's `$drain` (PROTOCOL.md 10.1).
 *
 * @publicApi
 */
export function parseDrain(data: unknown): ParseResult<DrainData> {
  const shape = { retryAfterMs: amount, windowMs: amount, reason: text, handoverMs: optionalAmount } as const;
  return parse('$drain', data, shape, maxWaitMs);
}

/**
 * Reads the `data` of a server's `$refresh` (PROTOCOL.md 9.2).
 *
 * @publicApi
 */
export function parseRefreshRequest(data: unknown): ParseResult<RefreshRequestData> {
  return parse('$refresh', data, { expiresInMs: amount }, maxNumber);
}

/**
 * Reads the `data` of a server's `$error` (PROTOCOL.md 7.1).
 *
 * @publicApi
 */
export function parseError(data: unknown): ParseResult<ErrorData> {
  return parse('$error', data, { code: text, message: text, retryAfterMs: optionalAmount }, maxNumber);
}

/** Written as literals: the object with all names is 1 % of what browsers load. */
type ReservedName = (typeof ReservedEvent)[keyof typeof ReservedEvent];

/** @param largest - larger numbers are cut to it (PROTOCOL.md 12.2), in `data` itself, which nobody else has yet. */
function parse<T>(event: ReservedName, data: unknown, shape: Shape, largest: number): ParseResult<T> {
  const message = faultIn(data, shape, largest, `${event}: data`);
  if (message) return { ok: false, error: { code: 'MALFORMED_FRAME', message } };
  // Safe: the shape lists what is required of T, and the rest is optional.
  return { ok: true, value: data as T };
}

function faultIn(data: unknown, shape: Shape, largest: number, path: string): string | undefined {
  // Safe: anything that is neither null nor undefined can be read by name, and what is found is checked.
  const members = (data ?? {}) as Record<string, unknown>;
  for (const [member, rule] of Object.entries(shape)) {
    const value = members[member];
    const at = `${path}.${member}`;
    const fault =
      typeof rule === 'string' ? !follows(value, rule) && `${at} must be ${rule}` : faultIn(value, rule, largest, at);
    if (fault) return fault;
    if (typeof value === 'number' && value > largest) members[member] = largest;
  }
  return undefined;
}

function follows(value: unknown, rule: Rule): boolean {
  if (rule === text) return typeof value === 'string';
  return rule === optionalAmount && value === undefined ? true : typeof value === 'number' && value >= 0;
}
