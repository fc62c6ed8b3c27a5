import type { Envelope } from './envelope.js';
import type { ErrorCode } from './error-codes.js';
import { kindOf } from './kind-of.js';
import { exceedsMembers } from './member-count.js';
import { exceedsDepth } from './nesting.js';

/**
 * What a receiver accepts (PROTOCOL.md 3 and 12). Lengths are in UTF-16 code units, as `String.length` counts them.
 * Infinity: no limit. The size of the whole frame is limited where it is received, before it is decoded.
 *
 * @publicApi
 */
export interface DecodeLimits {
  /** Length of `event`. Default 128: room for a namespaced name, too short to carry data in. */
  maxEventLength: number;
  /** Length of a string `id`. Default 64: a UUID with a prefix. */
  maxIdLength: number;
  /** Length of `room`. Default 256. */
  maxRoomLength: number;
  /** How deep arrays and objects are nested in `data`. Default 64: far below what overflows a recursive handler. */
  maxDepth: number;
  /**
   * Properties of objects and elements of arrays in `data`, at every level. Default 4,096: validating as many nested
   * objects takes about 50 ms, during which a server handles nothing else. Members of the frame that are not those of
   * the envelope count as well.
   */
  maxMembers: number;
}

/**
 * The limits of {@link decode} and {@link encode} unless others are given.
 *
 * @publicApi
 */
export const defaultDecodeLimits: Readonly<DecodeLimits> = Object.freeze({
  maxEventLength: 128,
  maxIdLength: 64,
  maxRoomLength: 256,
  maxDepth: 64,
  maxMembers: 4_096,
});

/**
 * What is wrong with a frame and what would be right, in words that contain nothing of the peer's own input.
 *
 * @publicApi
 */
export interface FrameError {
  code: ErrorCode;
  message: string;
}

/**
 * Outcome of {@link decode}. A refused frame that was a JSON object with a valid `id` is refused with that `id`, so
 * that the one who asked hears of it.
 *
 * @publicApi
 */
export type DecodeResult = { ok: true; envelope: Envelope } | { ok: false; error: FrameError; id?: string | number };

/**
 * Outcome of {@link encode}. `cause` is what the serializer threw: for the sender's own log, never for the wire.
 *
 * @publicApi
 */
export type EncodeResult = { ok: true; text: string } | { ok: false; error: FrameError; cause?: unknown };

const envelopeMembers = ['event', 'data', 'id', 'room', 'offset', 'trace'] as const;

const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * Reads one text frame (PROTOCOL.md 3). Never throws; takes time linear in the length of `text`. A frame that breaks a
 * rule is refused with `MALFORMED_FRAME` or `TOO_MANY_MEMBERS` (PROTOCOL.md 3.9).
 *
 * @publicApi
 */
export function decode(text: string, limits: Readonly<DecodeLimits> = defaultDecodeLimits): DecodeResult {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    // The engine's own message quotes the input.
    return refuse('The frame is not valid JSON');
  }
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) {
    return refuse(`A frame is one JSON object such as {"event":"greet","data":"hello"}, not ${kindOf(frame)}`);
  }
  // Safe: any object can be read by name, and `faultIn` checks what is found.
  const fields = frame as Record<keyof Envelope, unknown>;
  const id = isId(fields.id, limits) ? fields.id : undefined;
  const fault = faultIn(fields, limits) ?? faultInDepth(text, limits);
  if (fault !== undefined) return refuse(fault, id);
  if (hasTooManyMembers(text, fields, limits)) {
    return refuse(`data may have ${limits.maxMembers} members, and this has more`, id, 'TOO_MANY_MEMBERS');
  }
  // Safe: `faultIn` found nothing, so every member has its type.
  return { ok: true, envelope: pick(fields as unknown as Envelope) };
}

/**
 * Writes one text frame. Never throws: what JSON cannot express (BigInt, circular references, a `toJSON` or getter that
 * throws) and what a receiver with the same `maxDepth` would refuse as nested too deep is `UNENCODABLE`. The rest is as
 * in `JSON.stringify`: functions, symbols and undefined members are left out, NaN and Infinity become null.
 *
 * @publicApi
 */
export function encode(
  envelope: Envelope,
  limits: Readonly<Pick<DecodeLimits, 'maxDepth'>> = defaultDecodeLimits,
): EncodeResult {
  let text: string;
  try {
    text = JSON.stringify(envelope);
  } catch (cause) {
    const message =
      'The data is not JSON: it holds a BigInt or itself, a toJSON or getter throws, or it is far too deep';
    return { ok: false, error: { code: 'UNENCODABLE', message }, cause };
  }
  const fault = faultInDepth(text, limits);
  return fault === undefined ? { ok: true, text } : { ok: false, error: { code: 'UNENCODABLE', message: fault } };
}

function faultIn(fields: Record<keyof Envelope, unknown>, limits: Readonly<DecodeLimits>): string | undefined {
  const { event, id, room, offset, trace } = fields;
  if (!isName(event, limits.maxEventLength)) return nameFault('event', event, limits.maxEventLength);
  if (id !== undefined && !isId(id, limits)) {
    return `id must be a string of 1 to ${limits.maxIdLength} characters or a safe integer, not ${kindOf(id)}`;
  }
  if (room !== undefined && !isName(room, limits.maxRoomLength)) return nameFault('room', room, limits.maxRoomLength);
  if (offset !== undefined && !isOffset(offset))
    return `offset must be a safe integer, 0 or more, not ${kindOf(offset)}`;
  if (trace !== undefined && typeof trace !== 'string') return `trace must be a string, not ${kindOf(trace)}`;
  return undefined;
}

function faultInDepth(text: string, { maxDepth }: Readonly<Pick<DecodeLimits, 'maxDepth'>>): string | undefined {
  // The frame itself is one level.
  return exceedsDepth(text, maxDepth + 1)
    ? `data may be nested ${maxDepth} levels deep, and this is deeper`
    : undefined;
}

function isName(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength;
}

function nameFault(member: string, value: unknown, maxLength: number): string {
  return `${member} must be a string of 1 to ${maxLength} characters, not ${kindOf(value)}`;
}

function isId(value: unknown, { maxIdLength }: Readonly<DecodeLimits>): value is string | number {
  return isName(value, maxIdLength) || Number.isSafeInteger(value);
}

function isOffset(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Copies by name, so that nothing a peer invents (`__proto__` for one) travels further than this. */
function pick({ event, data, id, room, offset, trace }: Envelope): Envelope {
  const envelope: Envelope = { event };
  if (data !== undefined) envelope.data = data;
  if (id !== undefined) envelope.id = id;
  if (room !== undefined) envelope.room = room;
  if (offset !== undefined) envelope.offset = offset;
  // A broken traceparent starts a new trace instead of costing the message (W3C Trace Context 3.2.2).
  if (trace !== undefined && traceparent.test(trace)) envelope.trace = trace;
  return envelope;
}

function hasTooManyMembers(
  text: string,
  fields: Record<keyof Envelope, unknown>,
  { maxMembers }: Readonly<DecodeLimits>,
): boolean {
  // The shortest member is one character with a comma or a bracket beside it: nearly all texts are too short to look
  // at.
  if (text.length < 2 * maxMembers) return false;
  return exceedsMembers(text, maxMembers + envelopeMembers.filter((name) => fields[name] !== undefined).length);
}

function refuse(message: string, id?: string | number, code: ErrorCode = 'MALFORMED_FRAME'): DecodeResult {
  const error: FrameError = { code, message };
  return id === undefined ? { ok: false, error } : { ok: false, error, id };
}
