import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { binaryFrame, isMessage, payloadBytes, pingFrame, textFrame } from '../../src/connection/server-frame.js';

/** The frame that `ws` would have sent. */
function frameOfWs(payload: Uint8Array, opcode: number): Buffer {
  const options = { fin: true, mask: false, opcode, readOnly: false, rsv1: false };
  // Missing in its published types.
  const { frame } = Reflect.get(ws, 'Sender') as { frame(data: Buffer, options: object): Buffer[] };
  return Buffer.concat(frame(Buffer.from(payload), options));
}

// Around each length at which the header grows, and anything else.
const length = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(125, 126, 127, 128, 65_535, 65_536, 65_537));
const bytes = length.chain((size) => fc.uint8Array({ minLength: size, maxLength: size }));

describe('a frame of the server is that of ws,', () => {
  it('of any text', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), length, (text, times) => {
      const long = text.repeat(Math.ceil(times / (text.length + 1)));
      const frame = textFrame(long);
      expect(frame.equals(frameOfWs(Buffer.from(long), 1))).toBe(true);
      expect([payloadBytes(frame), isMessage(frame)]).toEqual([Buffer.byteLength(long), true]);
    });
    fc.assert(property);
  });

  it('of any bytes', () => {
    const property = fc.property(bytes, (payload) => {
      const frame = binaryFrame(payload);
      expect(frame.equals(frameOfWs(payload, 2))).toBe(true);
      expect([payloadBytes(frame), isMessage(frame)]).toEqual([payload.length, true]);
    });
    fc.assert(property);
  });

  it('of any ping, which is no message', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 125 }), (payload) => {
      const frame = pingFrame(payload);
      expect(frame.equals(frameOfWs(payload, 9))).toBe(true);
      expect(isMessage(frame)).toBe(false);
    });
    fc.assert(property);
  });
});
