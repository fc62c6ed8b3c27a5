import type { RawData } from 'ws';

/** A message as it came: text, or the bytes of a binary frame. */
export type Frame = string | Buffer;

/** Bytes of a message as it came. */
export function sizeOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, part) => sum + part.length, 0) : data.byteLength;
}

/** A text message as it came. */
export function textOf(data: RawData): string {
  if (Buffer.isBuffer(data)) return data.toString();
  return Array.isArray(data) ? Buffer.concat(data).toString() : Buffer.from(data).toString();
}

/** A binary message as it came. */
export function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** Bytes are a view of all that was read at once, which must not be kept for as long as a message waits. */
export function keepable(frame: Frame): Frame {
  return typeof frame === 'string' ? frame : Buffer.from(frame);
}
