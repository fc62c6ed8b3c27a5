import { HoldfastError } from '../errors/index.js';
import { binaryFrame, textFrame } from './server-frame.js';

/**
 * What {@link Connection.send} takes: text, or bytes, which are copied.
 *
 * @publicApi
 */
export type FrameData = string | ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/**
 * @param isBinary - undefined: bytes are sent as a binary frame, and text as a text frame.
 * @throws HoldfastError `INVALID_DATA`
 */
export function dataFrame(data: unknown, isBinary: boolean | undefined): Buffer {
  if (typeof data === 'string') return isBinary === true ? binaryFrame(Buffer.from(data)) : textFrame(data);
  const bytes = bytesOf(data);
  if (!bytes) {
    throw new HoldfastError(
      'INVALID_DATA',
      `send() was given ${data === null ? 'null' : typeof data}: it takes a string or bytes. Objects are sent by emit(event, data), or as JSON.stringify(...)`,
    );
  }
  return isBinary === false ? textFrame(bytes.toString()) : binaryFrame(bytes);
}

/** @throws HoldfastError `INVALID_DATA`: a ping carries 125 bytes at most (RFC 6455 section 5.5). */
export function pingPayload(data: unknown): Buffer {
  const payload = data === undefined ? Buffer.alloc(0) : typeof data === 'string' ? Buffer.from(data) : bytesOf(data);
  if (payload && payload.length <= 125) return payload;
  throw new HoldfastError('INVALID_DATA', 'ping() takes a string or bytes, of at most 125 bytes');
}

function bytesOf(data: unknown): Buffer | undefined {
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return Buffer.from(data);
  return undefined;
}
