import { encodeFrame, type WireFrameSpec } from '@holdfast/testing';
import fc from 'fast-check';
import * as ws from 'ws';
import { describe, expect, it } from 'vitest';
import { chunkBytes, FrameScanner, isWhole } from '../../src/intake/frame-scanner.js';

/** The part of `ws` that keeps what has not arrived whole. Its published types do not know that it is exported. */
interface Receiver extends NodeJS.EventEmitter {
  _buffers: Buffer[];
  _fragments: Buffer[];
  write(chunk: Buffer): boolean;
}
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Receiver };

/** One frame of a client. */
interface Frame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly bytes: Buffer;
}

/** Bytes that stay in memory because of what the receiver keeps: all of a buffer, however small the view of it. */
function keptBy(receiver: Receiver): number {
  const memory = new Set([...receiver._buffers, ...receiver._fragments].map(({ buffer }) => buffer));
  return [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

const size = fc.oneof(
  fc.nat({ max: 3 }),
  fc.integer({ min: 120, max: 130 }),
  fc.nat({ max: 6_000 }),
  fc.nat({ max: 70_000 }),
);
const control = fc.record({ opcode: fc.constantFrom(9, 10), payload: fc.nat({ max: 125 }), length: fc.constant(0) });

/** A length in more bytes than it needs is unusual, but allowed. */
function frameOf(opcode: number, fin: boolean, payload: number, lengthBytes: number): Frame {
  const usual = encodeFrame({ opcode, fin, payload: Buffer.alloc(payload, 0x61) });
  if (opcode >= 8 || lengthBytes === 0) return { opcode, fin, bytes: usual };
  const header = Buffer.alloc(2 + lengthBytes);
  header[0] = usual[0]!;
  header[1] = 0x80 | (lengthBytes === 2 ? 126 : 127);
  header.writeUIntBE(payload, header.length - 2 - (lengthBytes === 8 ? 2 : 0), lengthBytes === 8 ? 4 : 2);
  return { opcode, fin, bytes: Buffer.concat([header, usual.subarray(usual.length - payload - 4)]) };
}

/** A message in fragments, with control frames among them. */
const message = fc
  .array(fc.record({ payload: size, length: fc.constantFrom(0, 8), before: fc.array(control, { maxLength: 2 }) }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((fragments) =>
    fragments.flatMap(({ payload, length, before }, index) => [
      ...before.map((frame) => frameOf(frame.opcode, true, frame.payload, 0)),
      frameOf(index === 0 ? 1 : 0, index === fragments.length - 1, payload, length),
    ]),
  );

const conversation = fc.array(message, { minLength: 1, maxLength: 5 }).map((messages) => messages.flat());

/** Sizes of chunks, used in turn. Whatever they are, a conversation has few enough for a test. */
const chunkSizes = fc.tuple(
  fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 500, max: 1_500 })), { maxLength: 8 }),
  fc.constantFrom(1_000, 16_384, 65_536),
);

function* cut(bytes: Buffer, [some, last]: readonly [readonly number[], number]): Generator<Buffer> {
  const sizes = [...some, last];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = Math.min(bytes.length, at + sizes[turn % sizes.length]!);
    // As a socket gives it: memory of its own, and no larger than what came.
    const chunk = Buffer.allocUnsafeSlow(end - at);
    bytes.copy(chunk, 0, at, end);
    yield chunk;
    at = end;
  }
}

/** Feeds the same chunks to `ws` and to a scanner, and lets both be compared after each. */
function compare(
  chunks: Iterable<Buffer>,
  differ: (scanner: FrameScanner, receiver: Receiver, chunk: Buffer) => unknown,
): void {
  const scanner = new FrameScanner();
  const receiver = new Receiver({ isServer: true, maxPayload: 1e9 });
  for (const chunk of chunks) {
    receiver.write(chunk);
    scanner.scan(chunk);
    expect(differ(scanner, receiver, chunk)).toBeUndefined();
  }
  expect([scanner.held, scanner.chunks, scanner.left]).toEqual([0, 0, 0]);
}

const bytesOf = (frames: readonly Frame[]): Buffer => Buffer.concat(frames.map(({ bytes }) => bytes));

describe('a chunk that is whole', () => {
  it('leaves nothing that is kept, whether it is scanned or not', () => {
    const property = fc.property(conversation, chunkSizes, (frames, sizes) => {
      let before = 0;
      compare(cut(bytesOf(frames), sizes), (scanner, _receiver, chunk) => {
        const mayBeSkipped = before === 0 && isWhole(chunk);
        before = scanner.held;
        return mayBeSkipped && scanner.held > 0 ? chunk : undefined;
      });
    });
    fc.assert(property);
  });

  it('is one short frame: final, and no close frame, after which nothing is read', () => {
    const frame = (spec: WireFrameSpec): boolean => isWhole(encodeFrame(spec));
    expect([0, 1, 125].map((length) => frame({ payload: Buffer.alloc(length) }))).toEqual([true, true, true]);
    expect([frame({ opcode: 9 }), frame({ opcode: 10, payload: 'x' }), frame({ opcode: 0 })]).toEqual([
      true,
      true,
      true,
    ]);
    expect([frame({ opcode: 8 }), frame({ fin: false }), frame({ payload: Buffer.alloc(126) })]).toEqual([
      false,
      false,
      false,
    ]);
    const two = Buffer.concat([encodeFrame({ payload: 'x' }), encodeFrame({ payload: 'x' })]);
    expect([isWhole(two), isWhole(two.subarray(0, 6)), isWhole(two.subarray(0, 1))]).toEqual([false, false, false]);
  });
});

describe('what is kept of a message that has not arrived whole', () => {
  it('is never more than the scanner says', () => {
    const property = fc.property(conversation, chunkSizes, (frames, sizes) => {
      compare(cut(bytesOf(frames), sizes), (scanner, receiver) => {
        const parts = receiver._buffers.length + receiver._fragments.length;
        const kept = keptBy(receiver) + parts * chunkBytes;
        return scanner.held >= kept ? undefined : { says: scanner.held, kept };
      });
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('is not much less, however long the message: two chunks, and what it takes to keep parts', () => {
    const property = fc.property(conversation, chunkSizes, (frames, sizes) => {
      let chunks = 0;
      let largest = 0;
      const parts = frames.length * chunkBytes + 3 * (Buffer.poolSize + chunkBytes);
      compare(cut(bytesOf(frames), sizes), (scanner, receiver, chunk) => {
        chunks = scanner.held === 0 ? 0 : chunks + 1;
        largest = Math.max(largest, chunk.length);
        const most = keptBy(receiver) + 2 * largest + parts + chunks * chunkBytes;
        return scanner.held <= most ? undefined : { says: scanner.held, most };
      });
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('is no more than what arrived where nothing is fragmented, and nothing between messages', () => {
    const one = fc.record({ payload: size, length: fc.constantFrom(0, 8) });
    const property = fc.property(fc.array(one, { minLength: 1, maxLength: 6 }), chunkSizes, (messages, sizes) => {
      const frames = messages.map(({ payload, length }) => frameOf(1, true, payload, length));
      const ends = new Set<number>();
      let end = 0;
      for (const { bytes } of frames) ends.add((end += bytes.length));
      let received = 0;
      let arrived = 0;
      compare(cut(bytesOf(frames), sizes), (scanner, _receiver, chunk) => {
        received += chunk.length;
        const startsAnew = scanner.chunks <= 1;
        arrived = ends.has(received) ? 0 : (startsAnew ? 0 : arrived) + chunk.length + chunkBytes;
        return scanner.held === arrived ? undefined : { says: scanner.held, arrived };
      });
    });
    fc.assert(property);
  });

  it('is so, too, of as many chunks and bytes to come as ws counts', () => {
    const property = fc.property(conversation, chunkSizes, (frames, sizes) => {
      compare(cut(bytesOf(frames), sizes), (scanner, receiver) =>
        scanner.chunks >= receiver._buffers.length ? undefined : [scanner.chunks, receiver._buffers.length],
      );
    });
    fc.assert(property);
  });

  it('stays until the connection ends when a close frame comes in the midst of it, and nothing more is counted', () => {
    const scanner = new FrameScanner();
    const [begun, close] = [encodeFrame({ payload: 'x'.repeat(100), fin: false }), encodeFrame({ opcode: 8 })];
    scanner.scan(Buffer.concat([begun, close]));
    const { held } = scanner;
    expect(held).toBe(begun.length + close.length + 2 * chunkBytes);
    scanner.scan(Buffer.alloc(1_000));
    expect(scanner.held).toBe(held);
  });

  it('is nothing after a close frame between messages, and what came behind it stays', () => {
    const scanner = new FrameScanner();
    scanner.scan(encodeFrame({ opcode: 8 }));
    expect(scanner.held).toBe(0);
    const other = new FrameScanner();
    other.scan(Buffer.concat([encodeFrame({ opcode: 8 }), Buffer.alloc(1_000)]));
    expect(other.held).toBe(1_006 + chunkBytes);
  });
});
