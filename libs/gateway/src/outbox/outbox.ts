import type { Duplex } from 'node:stream';

/**
 * What becomes of an event for a client that does not keep up:
 *
 * - `close`: the connection is closed with 4508, and the client reconnects and starts anew;
 * - `refuse`: it is not taken, and `emit` says so;
 * - `drop`: it is not taken, and counted as lost.
 *
 * @publicApi
 */
export type OverflowPolicy = 'close' | 'refuse' | 'drop';

export interface OutboxLimits {
  readonly highWaterBytes: number;
  readonly lowWaterBytes: number;
  readonly overflow: OverflowPolicy;
}

/** Whom an outbox writes for. */
export interface OutboxOwner {
  /** Gives a frame to the socket, behind what the socket holds already. */
  transmit(frame: Buffer): void;
  /** The client does not keep up, or does again. */
  congested(isCongested: boolean): void;
  /** Too much waits for it, and the connection has to end. */
  overflowed(): void;
  /** An event was not taken, and `emit` says so. */
  refused(): void;
  /** An event was not taken, as the application wants it. */
  dropped(): void;
}

/**
 * The one writer of a connection. What is written in one turn of the event loop leaves in one write. Data waits here
 * while the socket is full, so that control frames, which do not, are never far from the wire: a busy link must not
 * look dead.
 */
export class Outbox {
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** At most so much of what the socket holds are control frames. */
  #controlBytes = 0;
  #isCorked = false;
  #isCongested = false;
  #whenEmpty: (() => void)[] | undefined;

  constructor(
    private readonly socket: Duplex,
    private readonly owner: OutboxOwner,
    private readonly limits: OutboxLimits,
  ) {}

  /** Messages that wait for room in the socket. */
  get depth(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#waitingBytes + this.socket.writableLength;
  }

  /**
   * Whether an event would be taken; if not, the overflow policy is applied. Ask before it is encoded: a client that
   * does not read must not cost that, too.
   */
  hasRoom(): boolean {
    if (!this.#isCongested) return true;
    const { overflow } = this.limits;
    if (overflow === 'close') this.owner.overflowed();
    else if (overflow === 'drop') this.owner.dropped();
    else this.owner.refused();
    return false;
  }

  /** An event of the application. @returns whether it was taken. */
  offer(frame: Buffer): boolean {
    if (!this.hasRoom()) return false;
    this.#write(frame);
    return true;
  }

  /** An answer. A peer that asked is owed one: it is taken beyond the mark, and beyond twice the mark nothing helps. */
  answer(frame: Buffer): void {
    if (this.#isCongested && this.bytes > 2 * this.limits.highWaterBytes) this.owner.overflowed();
    else this.#write(frame);
  }

  /** A frame of the protocol: before all data that waits here. */
  control(frame: Buffer): void {
    // A peer that asks for control frames and does not read them could otherwise pile them up beside both marks.
    this.#controlBytes = Math.min(this.#controlBytes, this.socket.writableLength) + frame.length;
    if (this.#controlBytes > this.limits.highWaterBytes) {
      this.owner.overflowed();
      return;
    }
    this.#cork();
    this.owner.transmit(frame);
  }

  /** The socket has room again. */
  drained(): void {
    let next = this.#waiting[0];
    let sent = 0;
    while (next && !this.socket.writableNeedDrain) {
      this.#waitingBytes -= next.length;
      this.#cork();
      this.owner.transmit(next);
      next = this.#waiting[++sent];
    }
    if (sent > 0) this.#waiting = this.#waiting.slice(sent);
    if (this.#isCongested && this.bytes <= this.limits.lowWaterBytes) {
      this.#isCongested = false;
      this.owner.congested(false);
    }
    if (this.#waiting.length === 0) this.#emptied();
    this.#expectDrain();
  }

  /** Calls back once, when nothing waits here any more; at once where that is now. */
  onceEmpty(callback: () => void): void {
    if (this.#waiting.length === 0) callback();
    else (this.#whenEmpty ??= []).push(callback);
  }

  /** Resolves when all that was taken so far has been given to the operating system, or the socket has ended. */
  flushed(): Promise<void> {
    return new Promise((resolve) => {
      this.onceEmpty(() => {
        // Writes finish in order, so nothing written before the empty one is left in this process.
        if (this.socket.writableLength === 0 || !this.socket.writable) resolve();
        else
          this.socket.write('', () => {
            resolve();
          });
      });
    });
  }

  /** Nobody will read what still waits. */
  discard(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#emptied();
  }

  #write(frame: Buffer): void {
    if (this.#waiting.length === 0 && !this.socket.writableNeedDrain) {
      this.#cork();
      this.owner.transmit(frame);
    } else {
      this.#waiting.push(frame);
      this.#waitingBytes += frame.length;
    }
    // After the write, so that one large answer keeps the next request from being begun.
    if (this.#isCongested || this.bytes < this.limits.highWaterBytes) return;
    this.#isCongested = true;
    this.owner.congested(true);
    this.#expectDrain();
  }

  /** A socket says `drain` only after it was filled to a mark of its own, which may be above ours. */
  #expectDrain(): void {
    if (!this.#isCongested || this.socket.writableNeedDrain || !this.socket.writable) return;
    this.socket.write('', (error) => {
      if (!error) this.drained();
    });
  }

  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.socket.cork();
    process.nextTick(uncork, this);
  }

  #emptied(): void {
    const callbacks = this.#whenEmpty;
    this.#whenEmpty = undefined;
    for (const callback of callbacks ?? []) callback();
  }

  /** The tick is over: what was written in it leaves. */
  uncork(): void {
    this.#isCorked = false;
    this.socket.uncork();
  }
}

/** Shared by all outboxes, so that a tick costs no closure. */
function uncork(outbox: Outbox): void {
  outbox.uncork();
}
