import type { Duplex } from 'node:stream';
import type { Clock } from '../ports/clock.js';
import { ByteRate, type ByteRateOwner } from '../rate-limit/byte-rate.js';
import { FrameScanner } from './frame-scanner.js';
import { Gatherer, manyChunks, type ReadingOwner } from './gatherer.js';
import { ReadAhead } from './read-ahead.js';
import type { Holder, UnfinishedBytes } from './unfinished-bytes.js';

/** What a peer may send, as far as bytes are concerned. */
export interface IntakeLimits {
  readonly bytesPerSecond: number;
}

/** What arrives on one connection, before it is a message: all of it costs, whatever becomes of it. */
export class Intake {
  readonly #rate: ByteRate | undefined;
  readonly #scanner = new FrameScanner();
  #gatherer: Gatherer | undefined;
  #readAhead: ReadAhead | undefined;
  #held = 0;

  constructor(
    private readonly socket: Duplex,
    private readonly owner: Holder & ByteRateOwner & ReadingOwner,
    private readonly unfinished: UnfinishedBytes,
    { bytesPerSecond }: IntakeLimits,
    clock: Clock,
  ) {
    if (bytesPerSecond < Infinity) this.#rate = new ByteRate(owner, bytesPerSecond, clock);
  }

  arrived(chunk: Buffer): void {
    this.#rate?.spend(chunk.length);
    this.#scanner.scan(chunk);
    if (this.#scanner.chunks >= manyChunks) this.#gather();
    else this.#gatherer?.end();
    const { held } = this.#scanner;
    if (held === this.#held) return;
    this.#held = held;
    this.unfinished.holds(this.owner, held);
  }

  /** The socket is not read for a while. */
  paused(): void {
    this.#readAhead ??= new ReadAhead(this.socket, this.owner);
    this.#readAhead.watch();
  }

  /** The peer has broken the protocol: what it holds stays until its connection ends, and nothing is added to it. */
  broken(): void {
    this.#scanner.stop();
    this.#gatherer?.end();
  }

  ended(): void {
    this.broken();
    this.unfinished.left(this.owner);
  }

  #gather(): void {
    this.#gatherer ??= new Gatherer(this.socket, this.#scanner, this.owner);
    this.#gatherer.begin();
  }
}
