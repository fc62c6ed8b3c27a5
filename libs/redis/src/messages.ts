/** A publication as it travels: offset, epoch and time in a line of text, and then the item as it is. */
export interface RoomMessage {
  readonly offset: number;
  /** In a room without history: the node that has published it. */
  readonly epoch: string;
  readonly at: number;
  readonly item: Uint8Array;
}

const lineFeed = 10;
/** A line with the name of a node is not longer. */
const longestLine = 512;

/** @returns undefined: it is none. Others may publish to the channels, too. */
export function readMessage(payload: Uint8Array): RoomMessage | undefined {
  const end = payload.subarray(0, longestLine).indexOf(lineFeed);
  if (end < 0) return undefined;
  const line = Buffer.from(payload.buffer, payload.byteOffset, end).toString();
  const first = line.indexOf(' ');
  const last = line.lastIndexOf(' ');
  const offset = Number(line.slice(0, first));
  const at = Number(line.slice(last + 1));
  if (first < 1 || last <= first || !Number.isSafeInteger(offset) || offset < 0 || !Number.isFinite(at))
    return undefined;
  return { offset, epoch: line.slice(first + 1, last), at, item: payload.subarray(end + 1) };
}

/** A command and the node that has sent it. */
export function writeCommand(from: string, command: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${encodeURIComponent(from)}\n`), command]);
}

/** @returns undefined: it is none. */
export function readCommand(payload: Uint8Array): { from: string; command: Uint8Array } | undefined {
  const end = payload.subarray(0, longestLine).indexOf(lineFeed);
  if (end < 0) return undefined;
  try {
    const from = decodeURIComponent(Buffer.from(payload.subarray(0, end)).toString());
    return { from, command: payload.subarray(end + 1) };
  } catch {
    return undefined;
  }
}
