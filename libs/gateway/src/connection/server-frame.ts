/** RFC 6455 section 5.2: a frame that is whole, by its kind. */
const wholeText = 0x81;
const wholeBinary = 0x82;
const wholePing = 0x89;
const longestShort = 125;
const longestMedium = 0xffff;

/*
 * Frames as a server sends them: whole, neither masked nor compressed (RFC 6455 section 5.2). `ws` gives header and
 * payload to the socket in two writes, and makes a frame anew for each client.
 */

export function textFrame(text: string): Buffer {
  const bytes = Buffer.byteLength(text);
  const frame = allocate(wholeText, bytes);
  frame.write(text, frame.length - bytes);
  return frame;
}

export function binaryFrame(payload: Uint8Array): Buffer {
  return frameOf(wholeBinary, payload);
}

/** @param payload - at most 125 bytes, which the pong repeats (RFC 6455 sections 5.5 and 5.5.3). */
export function pingFrame(payload: Uint8Array): Buffer {
  return frameOf(wholePing, payload);
}

/** Control frames have the highest bit of the opcode (RFC 6455 section 5.5). */
const controlBit = 0x08;

/** Whether a frame carries data, and not a ping. */
export function isMessage(frame: Buffer): boolean {
  return ((frame[0] ?? 0) & controlBit) === 0;
}

/** How much of a frame is its payload. */
export function payloadBytes({ length }: Buffer): number {
  if (length <= longestShort + 2) return length - 2;
  return length <= longestMedium + 4 ? length - 4 : length - 10;
}

function frameOf(kind: number, payload: Uint8Array): Buffer {
  const frame = allocate(kind, payload.length);
  frame.set(payload, frame.length - payload.length);
  return frame;
}

function allocate(kind: number, bytes: number): Buffer {
  if (bytes <= longestShort) {
    const frame = Buffer.allocUnsafe(bytes + 2);
    frame[0] = kind;
    frame[1] = bytes;
    return frame;
  }
  if (bytes <= longestMedium) {
    const frame = Buffer.allocUnsafe(bytes + 4);
    frame[0] = kind;
    frame[1] = 126;
    frame.writeUInt16BE(bytes, 2);
    return frame;
  }
  const frame = Buffer.allocUnsafe(bytes + 10);
  frame[0] = kind;
  frame[1] = 127;
  frame.writeBigUInt64BE(BigInt(bytes), 2);
  return frame;
}
