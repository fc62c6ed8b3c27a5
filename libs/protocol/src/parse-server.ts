import { memberOf, type ParseResult, refuse } from './members.js';
import { type DrainData, type ErrorData, type RefreshRequestData, type WelcomeData } from './reserved.js';

/**
 * Reads the `data` of a server's `$welcome` (PROTOCOL.md 6.2).
 *
 * @publicApi
 */
export function parseWelcome(data: unknown): ParseResult<WelcomeData> {
  const connectionId = memberOf(data, 'connectionId');
  if (typeof connectionId !== 'string') return refuse('$welcome', data, 'connectionId', 'a string');
  const heartbeat = memberOf(data, 'heartbeat');
  const intervalMs = memberOf(heartbeat, 'intervalMs');
  const graceMs = memberOf(heartbeat, 'graceMs');
  if (!isDuration(intervalMs) || !isDuration(graceMs)) {
    return refuse('$welcome', data, 'heartbeat', `an object whose intervalMs and graceMs are ${durationRule}`);
  }
  const maxPayloadBytes = memberOf(memberOf(data, 'limits'), 'maxPayloadBytes');
  if (!isDuration(maxPayloadBytes)) {
    return refuse('$welcome', data, 'limits', `an object whose maxPayloadBytes is ${durationRule}`);
  }
  return { ok: true, value: { connectionId, heartbeat: { intervalMs, graceMs }, limits: { maxPayloadBytes } } };
}

/**
 * Reads the `data` of a server's `$drain` (PROTOCOL.md 10.1).
 *
 * @publicApi
 */
export function parseDrain(data: unknown): ParseResult<DrainData> {
  const retryAfterMs = memberOf(data, 'retryAfterMs');
  if (!isDuration(retryAfterMs)) return refuse('$drain', data, 'retryAfterMs', durationRule);
  const windowMs = memberOf(data, 'windowMs');
  if (!isDuration(windowMs)) return refuse('$drain', data, 'windowMs', durationRule);
  const reason = memberOf(data, 'reason');
  if (typeof reason !== 'string') return refuse('$drain', data, 'reason', 'a string');
  return { ok: true, value: { retryAfterMs, windowMs, reason } };
}

/**
 * Reads the `data` of a server's `$refresh` (PROTOCOL.md 9.2).
 *
 * @publicApi
 */
export function parseRefreshRequest(data: unknown): ParseResult<RefreshRequestData> {
  const expiresInMs = memberOf(data, 'expiresInMs');
  return isDuration(expiresInMs)
    ? { ok: true, value: { expiresInMs } }
    : refuse('$refresh', data, 'expiresInMs', durationRule);
}

/**
 * Reads the `data` of a server's `$error` (PROTOCOL.md 7.1).
 *
 * @publicApi
 */
export function parseError(data: unknown): ParseResult<ErrorData> {
  const code = memberOf(data, 'code');
  if (typeof code !== 'string') return refuse('$error', data, 'code', 'a string');
  const message = memberOf(data, 'message');
  if (typeof message !== 'string') return refuse('$error', data, 'message', 'a string');
  const error: ErrorData = { code, message };
  const details = memberOf(data, 'details');
  if (details !== undefined) error.details = details;
  // A hint that cannot be understood is no reason to lose the error.
  const retryAfterMs = memberOf(data, 'retryAfterMs');
  if (isDuration(retryAfterMs)) error.retryAfterMs = retryAfterMs;
  return { ok: true, value: error };
}

const durationRule = 'a number, 0 or more';

function isDuration(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}
