import { isObject, memberOf, type ParseResult, refuse } from './members.js';
import {
  isReserved,
  type JoinData,
  type LeaveData,
  type PresentedPosition,
  type PublishData,
  type RoomPositionData,
} from './reserved.js';

/** Longer epochs are of no server (PROTOCOL.md 17.4). */
const longestEpoch = 64;

/**
 * Reads the `data` of a client's `$join` (PROTOCOL.md 17.1).
 *
 * @publicApi
 */
export function parseJoin(data: unknown): ParseResult<JoinData> {
  const room = memberOf(data, 'room');
  if (typeof room !== 'string') return refuse('$join', data, 'room', 'a string');
  const since = memberOf(data, 'since');
  if (since === undefined || since === null) return { ok: true, value: { room } };
  return isPosition(since)
    ? { ok: true, value: { room, since: { epoch: since.epoch, offset: since.offset } } }
    : refuse('$join', data, 'since', 'an epoch of 1 to 64 characters and an offset that is a safe integer, 0 or more');
}

/**
 * Reads the `data` of a client's `$leave` (PROTOCOL.md 17.6).
 *
 * @publicApi
 */
export function parseLeave(data: unknown): ParseResult<LeaveData> {
  const room = memberOf(data, 'room');
  return typeof room === 'string' ? { ok: true, value: { room } } : refuse('$leave', data, 'room', 'a string');
}

/**
 * Reads the `data` of a client's `$publish` (PROTOCOL.md 17.11).
 *
 * @publicApi
 */
export function parsePublish(data: unknown): ParseResult<PublishData> {
  const room = memberOf(data, 'room');
  if (typeof room !== 'string') return refuse('$publish', data, 'room', 'a string');
  const event = memberOf(data, 'event');
  if (typeof event !== 'string' || event === '' || isReserved(event)) {
    return refuse('$publish', data, 'event', 'the name of an event, which is not empty and does not begin with $');
  }
  return { ok: true, value: { room, event, data: memberOf(data, 'data') } };
}

/**
 * Whether this can be what a client presents of a room in `$hello` (PROTOCOL.md 18.2).
 *
 * @internal
 */
export function isPresented(value: unknown): value is PresentedPosition {
  if (typeof memberOf(value, 'room') !== 'string') return false;
  const hasPosition = memberOf(value, 'epoch') !== undefined || memberOf(value, 'offset') !== undefined;
  return !hasPosition || isPosition(value);
}

function isPosition(value: unknown): value is RoomPositionData {
  const epoch = memberOf(value, 'epoch');
  const offset = memberOf(value, 'offset');
  const isEpoch = typeof epoch === 'string' && epoch.length > 0 && epoch.length <= longestEpoch;
  return isObject(value) && isEpoch && typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0;
}
