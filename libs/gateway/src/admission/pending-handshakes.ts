import type { Duplex } from 'node:stream';
import { ReadAhead } from '../intake/index.js';
import { Deadline, type TimerWheel, type WheelTask } from '../ground/index.js';
import { type Refusal, refusals } from './refusal.js';
import { HandshakeRefusal } from './refusal-for.js';

/**
 * Handshakes that wait for guards, or for their turn. None of them waits longer than its client or this process does.
 */
export class PendingHandshakes {
  readonly #endings = new Set<(refusal: Refusal) => void>();
  readonly #after = (task: WheelTask, delayMs: number): void => {
    this.wheel.schedule(task, delayMs);
  };

  constructor(
    private readonly wheel: TimerWheel,
    private readonly timeoutMs: number,
    private readonly retryAfterMs: number,
  ) {}

  /**
   * Waits for `work`; what comes of it when nobody waits any more is of no consequence.
   *
   * @throws HandshakeRefusal when time is up, when the client has left, or by {@link refuseAll}; and what `work`
   *   rejects with.
   */
  async wait(socket: Duplex, work: Promise<void>): Promise<void> {
    let end!: (refusal: Refusal) => void;
    const ended = new Promise<never>((_, reject) => {
      end = (refusal) => {
        reject(new HandshakeRefusal(refusal));
      };
    });
    const late = new Deadline(() => {
      end(refusals.handshakeTimeout(this.retryAfterMs));
    });
    // Its place among the connections must not stay taken for as long as the guards take.
    const left = (): void => {
      end(clientLeft());
    };
    // Nobody reads before there is an upgrade.
    const readAhead = new ReadAhead(socket, { paused: true, after: this.#after });
    readAhead.watch();
    this.#endings.add(end);
    this.wheel.schedule(late, this.timeoutMs);
    socket.once('close', left);
    try {
      await Promise.race([work, ended]);
    } finally {
      socket.off('close', left);
      this.wheel.cancel(late);
      this.wheel.cancel(readAhead);
      this.#endings.delete(end);
    }
  }

  refuseAll(refusal: Refusal): void {
    for (const end of this.#endings) end(refusal);
  }
}

/** Nobody reads it; it is counted. */
export function clientLeft(): Refusal {
  return refusals.badHandshake('The client left during the handshake');
}
