import type { Clock } from '../ports/clock.js';
import { ByteRate, type ByteRateOwner } from '../rate-limit/byte-rate.js';
import { FrameScanner } from './frame-scanner.js';
import type { Holder, UnfinishedBytes } from './unfinished-bytes.js';

/** What a peer may send, as far as bytes are concerned. */
export interface IntakeLimits {
  readonly bytesPerSecond: number;
}

/** What arrives on one connection, before it is a message: all of it costs, whatever becomes of it. */
export class Intake {
  readonly #rate: ByteRate | undefined;
  readonly #scanner = new FrameScanner();
  #held = 0;

  constructor(
    private readonly owner: Holder & ByteRateOwner,
    private readonly unfinished: UnfinishedBytes,
    { bytesPerSecond }: IntakeLimits,
    clock: Clock,
  ) {
    if (bytesPerSecond < Infinity) this.#rate = new ByteRate(owner, bytesPerSecond, clock);
  }

  arrived(chunk: Buffer): void {
    this.#rate?.spend(chunk.length);
    this.#scanner.scan(chunk);
    const { held } = this.#scanner;
    if (held === this.#held) return;
    this.#held = held;
    this.unfinished.holds(this.owner, held);
  }

  /** The peer has broken the protocol: what it holds stays until its connection ends, and nothing is added to it. */
  broken(): void {
    this.#scanner.stop();
  }

  ended(): void {
    this.#scanner.stop();
    this.unfinished.left(this.owner);
  }
}
