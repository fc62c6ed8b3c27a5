/**
 * What a chunk takes in memory beside its bytes: a buffer object and what stands behind it, as measured with one byte
 * each.
 */
export const chunkBytes = 300;

/**
 * RFC 6455 section 5.2: two bytes, which tell how many more there are, and the mask that each frame of a client has.
 */
const firstBytes = 2;
const maskBytes = 4;
const closeOpcode = 0x8;
const longestShortLength = 125;

/** Whether a chunk is one short frame that leaves nothing to be waited for, as most are. */
export function isWhole(chunk: Buffer): boolean {
  // By index, because taking a buffer apart asks it for an iterator.
  const first = chunk[0] ?? 0;
  const length = (chunk[1] ?? 0) & 0x7f;
  const isFinal = (first & 0x80) !== 0 && (first & 0x0f) !== closeOpcode;
  return isFinal && length <= longestShortLength && chunk.length === firstBytes + maskBytes + length;
}

/**
 * Follows the frames of one client through the chunks in which they arrive, to know what `ws` keeps of a message that
 * has not arrived whole. It reads headers and skips the rest, so a frame of any size costs the same. Whether frames are
 * right is for `ws` to say, which gets the same chunks.
 */
export class FrameScanner {
  #chunks = 0;
  #left = 0;
  #headerSeen = 0;
  #headerSize = firstBytes;
  #length = 0;
  #opcode = 0;
  #isFinal = false;
  #isOver = false;
  /** Some of the payload of the current frame was in an earlier chunk. */
  #isSplit = false;
  /** The current chunk has a fragment whole, which is kept as a view of it. */
  #isViewed = false;
  /** Chunks of the current frame, chunks with fragments whole, and what else it takes to keep fragments. */
  #current = 0;
  #viewed = 0;
  #parts = 0;
  /** Where small copies went last. */
  #pool: ArrayBufferLike | undefined;

  /** Chunks in which the current frame has arrived so far; 0 between frames. */
  get chunks(): number {
    return this.#chunks;
  }

  /** Bytes of the payload of the current frame that are still to come. */
  get left(): number {
    return this.#left;
  }

  /** The most that `ws` may keep of what has not arrived whole, in bytes: payload and what it takes to keep it. */
  get held(): number {
    return this.#current + this.#viewed + this.#parts;
  }

  scan(chunk: Buffer): void {
    if (this.#isOver) return;
    let at = 0;
    while (at < chunk.length) {
      if (this.#headerSeen < this.#headerSize) {
        // `at` is within the chunk.
        this.#readHeader(chunk[at++] as number);
      } else {
        const skipped = Math.min(this.#left, chunk.length - at);
        this.#left -= skipped;
        at += skipped;
      }
      if (this.#left === 0 && this.#headerSeen === this.#headerSize && !this.#frameEnded()) break;
    }
    this.#chunkEnded(chunk.length, at === chunk.length);
  }

  /** Nothing that may still come is taken for a frame: the connection has broken the protocol. */
  stop(): void {
    this.#isOver = true;
  }

  #readHeader(byte: number): void {
    const index = this.#headerSeen++;
    if (index === 0) {
      this.#opcode = byte & 0x0f;
      this.#isFinal = (byte & 0x80) !== 0;
    } else if (index === 1) {
      const code = byte & 0x7f;
      const extension = code === 127 ? 8 : code === 126 ? 2 : 0;
      this.#length = extension === 0 ? code : 0;
      this.#headerSize = firstBytes + extension + maskBytes;
    } else if (index < this.#headerSize - maskBytes) {
      this.#length = this.#length * 256 + byte;
    }
    if (this.#headerSeen === this.#headerSize) this.#left = this.#length;
  }

  /** @returns whether another frame may follow. */
  #frameEnded(): boolean {
    if (this.#opcode === closeOpcode) this.#isOver = true;
    else if (this.#opcode < closeOpcode) this.#fragmentEnded();
    this.#headerSeen = 0;
    this.#headerSize = firstBytes;
    this.#isSplit = false;
    this.#chunks = 0;
    this.#current = 0;
    return !this.#isOver;
  }

  #fragmentEnded(): void {
    if (this.#isFinal) {
      this.#isViewed = false;
      this.#viewed = 0;
      this.#parts = 0;
      this.#pool = undefined;
    } else if (this.#length > 0) {
      this.#parts += chunkBytes;
      if (!this.#isSplit) this.#isViewed = true;
      // What lay in several chunks is copied.
      else if (this.#length >= Buffer.poolSize / 2) this.#parts += this.#length;
      else this.#pooled();
    }
  }

  /** Small copies come from a pool that all of the process uses, and one of them is enough to keep all of it. */
  #pooled(): void {
    const pool = Buffer.allocUnsafe(1).buffer;
    if (pool === this.#pool) return;
    // The copy comes after this look, and may be the first in the next pool.
    this.#parts += (this.#pool ? 1 : 2) * (Buffer.poolSize + chunkBytes);
    this.#pool = pool;
  }

  #chunkEnded(length: number, isReadWhole: boolean): void {
    const bytes = length + chunkBytes;
    if (this.#isViewed) this.#viewed += bytes;
    this.#isViewed = false;
    // What comes behind a close frame is not read, but it is not let go of either.
    if (this.#headerSeen === 0 && isReadWhole) return;
    this.#chunks++;
    this.#current += bytes;
    this.#isSplit = this.#headerSeen === this.#headerSize && this.#left < this.#length;
  }
}
