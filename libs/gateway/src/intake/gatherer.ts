import type { Duplex } from 'node:stream';
import { WheelTask } from '../ground/index.js';
import type { FrameScanner } from './frame-scanner.js';

/** Whose socket is read. */
export interface ReadingOwner {
  /** The socket is not to be read now. */
  readonly paused: boolean;
  after(task: WheelTask, delayMs: number): void;
}

/** As many as `ws` puts together in a few milliseconds; above 16,000 the time grows with the square. */
export const manyChunks = 4_096;
/** Not above what any version of Node reads ahead from a socket. */
const enoughBytes = 16_384;
/** How long the bytes of a slow peer may wait to become enough. */
const patienceMs = 500;

/**
 * Makes few chunks of many: a frame of 100 MiB that arrives in small packets would take `ws` a minute to put together,
 * in which the event loop stands still. Once a frame has come in as many chunks as even the smallest limit allows, the
 * rest of it waits in the socket until it is worth reading, or is all that the frame lacks.
 */
export class Gatherer extends WheelTask {
  #isGathering = false;
  readonly #onReadable = (): void => {
    this.#read(enoughBytes);
  };

  constructor(
    private readonly socket: Duplex,
    private readonly scanner: FrameScanner,
    private readonly owner: ReadingOwner,
  ) {
    super();
  }

  /** The frame has come in {@link manyChunks}. */
  begin(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    // With such a listener the stream no longer flows: it is read when somebody reads it, all at once.
    this.socket.on('readable', this.#onReadable);
    this.owner.after(this, patienceMs);
  }

  override onDue(): void {
    if (!this.#isGathering) return;
    this.#read(1);
    this.owner.after(this, patienceMs);
  }

  /** The frame is whole, or its connection is at an end. */
  end(): void {
    if (!this.#isGathering) return;
    this.#isGathering = false;
    this.socket.off('readable', this.#onReadable);
    // Without a listener the stream resumes by itself, on the next tick and whatever was meant.
    process.nextTick(() => {
      if (this.owner.paused) this.socket.pause();
    });
  }

  /** @param enough - bytes that are worth reading, where the frame lacks more. */
  #read(enough: number): void {
    const { socket, owner, scanner } = this;
    while (this.#isGathering && !owner.paused && socket.readableLength >= Math.min(enough, scanner.left || 1)) {
      // By number, because some versions of Node give one packet at a time otherwise; and not above the mark, which
      // would rise.
      socket.read(Math.min(socket.readableLength, socket.readableHighWaterMark));
    }
    // With nothing left, this is how the end of the peer is noticed.
    if (socket.readableLength === 0 && !owner.paused) socket.read(0);
  }
}
