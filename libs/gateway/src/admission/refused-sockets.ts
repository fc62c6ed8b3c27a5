import type { Duplex } from 'node:stream';
import { type TimerWheel, WheelTask } from '../ground/index.js';

/**
 * How long a refused peer may take to read the answer and close. Destroying at once would reset the connection while
 * bytes of the peer are unread, and the reset would discard the answer on its side.
 */
const lingerMs = 1_000;
/** Each is a descriptor. A peer that reads and closes needs one round trip, so that so many are a flood. */
const maxLingering = 1_000;

/**
 * Sockets that were refused and are not gone. All have the same time, so that the first of them is the next to be
 * destroyed, and one task on the wheel is enough however many there are.
 */
export class RefusedSockets extends WheelTask {
  /** Until when each may stay, in active time, the oldest first. */
  readonly #deadlines = new Map<Duplex, number>();
  #isDisposed = false;

  constructor(private readonly wheel: TimerWheel) {
    super();
  }

  /** How many there are. */
  get size(): number {
    return this.#deadlines.size;
  }

  /** Takes a socket to which all has been written. Where there are too many, the oldest is destroyed for it. */
  add(socket: Duplex): void {
    if (this.#isDisposed) {
      socket.destroy();
      return;
    }
    const [oldest] = this.#deadlines.keys();
    if (oldest && this.#deadlines.size >= maxLingering) this.#destroy(oldest);
    // Before the time is asked for, which stands still while nothing is scheduled.
    if (this.#deadlines.size === 0) this.wheel.schedule(this, lingerMs);
    this.#deadlines.set(socket, this.wheel.now + lingerMs);
    socket.once('close', () => {
      this.#forget(socket);
    });
  }

  /** Destroys them all, and from now on each one at once. */
  dispose(): void {
    this.#isDisposed = true;
    for (const socket of this.#deadlines.keys()) this.#destroy(socket);
  }

  override onDue(): void {
    for (const [socket, deadline] of this.#deadlines) {
      const leftMs = deadline - this.wheel.now;
      if (leftMs > 0) {
        this.wheel.schedule(this, leftMs);
        return;
      }
      this.#destroy(socket);
    }
  }

  #destroy(socket: Duplex): void {
    this.#forget(socket);
    socket.destroy();
  }

  #forget(socket: Duplex): void {
    this.#deadlines.delete(socket);
    if (this.#deadlines.size === 0) this.wheel.cancel(this);
  }
}
