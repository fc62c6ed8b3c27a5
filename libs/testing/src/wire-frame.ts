import { randomBytes } from 'node:crypto';

/** A WebSocket frame to be written; every rule of RFC 6455, 5.2 can be broken with it. @publicApi */
export interface WireFrameSpec {
  /** 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong; 3 to 7 and 11 to 15 are reserved. Default 1. */
  readonly opcode?: number;
  /** Default empty. */
  readonly payload?: string | Buffer;
  /** Whether this is the last frame of its message. Default true. */
  readonly fin?: boolean;
  /** Whether the payload is masked, as a client must. Default true. */
  readonly mask?: boolean;
  /** The three reserved bits as a number; 4 is RSV1, which marks a compressed message. Default 0. */
  readonly rsv?: number;
  /** The length that the header claims, in bytes. Default the true one. */
  readonly claimedLength?: number | bigint;
}

/** A frame as it came from the other side. @publicApi */
export interface WireFrame {
  readonly opcode: number;
  /** Unmasked. */
  readonly payload: Buffer;
  readonly fin: boolean;
  readonly masked: boolean;
  readonly rsv: number;
}

/**
 * The bytes of one frame (RFC 6455, 5.2), right or wrong. The length takes the shortest form that holds it.
 *
 * @publicApi
 */
export function encodeFrame(spec: WireFrameSpec): Buffer {
  const { opcode = 1, payload = '', fin = true, mask = true, rsv = 0 } = spec;
  const content = Buffer.from(payload);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const [lengthCode, extension] = encodeLength(BigInt(spec.claimedLength ?? content.length));
  const start = Buffer.from([first, (mask ? 0x80 : 0) | lengthCode]);
  if (!mask) return Buffer.concat([start, extension, content]);
  const key = randomBytes(4);
  return Buffer.concat([start, extension, key, applyMask(content, key)]);
}

function encodeLength(length: bigint): [code: number, extension: Buffer] {
  if (length < 126n) return [Number(length), Buffer.alloc(0)];
  if (length < 65_536n) {
    const extension = Buffer.alloc(2);
    extension.writeUInt16BE(Number(length));
    return [126, extension];
  }
  const extension = Buffer.alloc(8);
  extension.writeBigUInt64BE(length);
  return [127, extension];
}

function applyMask(content: Buffer, key: Buffer): Buffer {
  return Buffer.from(content.map((byte, index) => byte ^ key.readUInt8(index % 4)));
}

/**
 * The first frame in `bytes` and how long it is; undefined when it is not yet complete.
 *
 * @publicApi
 */
export function decodeFrame(bytes: Buffer): { frame: WireFrame; size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first, second] = [bytes.readUInt8(0), bytes.readUInt8(1)];
  const lengthCode = second & 0x7f;
  const extensionSize = lengthCode === 127 ? 8 : lengthCode === 126 ? 2 : 0;
  const masked = (second & 0x80) !== 0;
  const headerSize = 2 + extensionSize + (masked ? 4 : 0);
  if (bytes.length < headerSize) return undefined;
  const length = extensionSize === 0 ? lengthCode : Number(BigInt(`0x${bytes.toString('hex', 2, 2 + extensionSize)}`));
  const size = headerSize + length;
  if (bytes.length < size) return undefined;
  const content = bytes.subarray(headerSize, size);
  const payload = masked ? applyMask(content, bytes.subarray(headerSize - 4, headerSize)) : content;
  return { frame: { opcode: first & 0x0f, payload, fin: (first & 0x80) !== 0, masked, rsv: (first >> 4) & 7 }, size };
}

/**
 * The payload of a close frame (RFC 6455, 5.5.1); a code outside the permitted ranges is written all the same.
 *
 * @publicApi
 */
export function encodeClose(code: number, reason: string | Buffer = ''): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return Buffer.concat([payload, Buffer.from(reason)]);
}

/** Reads the payload of a close frame; without one the code is 1005 (RFC 6455, 7.1.5). @publicApi */
export function decodeClose(payload: Buffer): { readonly code: number; readonly reason: string } {
  if (payload.length < 2) return { code: 1005, reason: '' };
  return { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
}
