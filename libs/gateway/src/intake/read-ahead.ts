import type { Duplex } from 'node:stream';
import { WheelTask } from '../ground/index.js';
import { compact } from './compact.js';
import type { ReadingOwner } from './gatherer.js';

/** In this time one peer can send some thousands of packets, which take a megabyte at most. */
const everyMs = 500;

/** Keeps small what a socket reads ahead while it is paused, until it is full. */
export class ReadAhead extends WheelTask {
  #isWatching = false;
  #seen = 0;

  constructor(
    private readonly socket: Duplex,
    private readonly owner: ReadingOwner,
  ) {
    super();
  }

  /** The socket has been paused. */
  watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#seen = 0;
    this.owner.after(this, everyMs);
  }

  override onDue(): void {
    this.#isWatching = false;
    const { socket } = this;
    // Before the upgrade, somebody else may have taken to reading.
    if (!this.owner.paused || socket.readableFlowing) return;
    // One that is full reads on once when it is made room, and not again until it has been resumed.
    const isFull = socket.readableLength >= socket.readableHighWaterMark;
    if (socket.readableLength !== this.#seen) compact(socket);
    const { readableLength } = socket;
    if (!isFull) this.watch();
    this.#seen = readableLength;
  }
}
