import type { Duplex } from 'node:stream';
import type { Clock } from '../ground/index.js';
import { ByteRate, type ByteRateOwner } from './byte-rate.js';
import { FrameScanner, isWhole } from './frame-scanner.js';
import { Gatherer, manyChunks, type ReadingOwner } from './gatherer.js';
import { ReadAhead } from './read-ahead.js';
import type { Holder, UnfinishedBytes } from './unfinished-bytes.js';

/** Whose bytes they are. */
export type IntakeOwner = Holder & ByteRateOwner & ReadingOwner;

/** What all intakes have in common. */
export interface IntakeParts {
  readonly unfinished: UnfinishedBytes;
  /** Of one connection. Infinity: no limit. */
  readonly bytesPerSecond: number;
  readonly clock: Clock;
}

/** What arrives on one connection, before it is a message: all of it costs, whatever becomes of it. */
export class Intake {
  readonly #unfinished: UnfinishedBytes;
  readonly #rate: ByteRate | undefined;
  /** Connections that send nothing but short messages have none. */
  #scanner: FrameScanner | undefined;
  #gatherer: Gatherer | undefined;
  #readAhead: ReadAhead | undefined;
  #held = 0;

  constructor(
    private readonly socket: Duplex,
    private readonly owner: IntakeOwner,
    { unfinished, bytesPerSecond, clock }: IntakeParts,
  ) {
    this.#unfinished = unfinished;
    if (bytesPerSecond < Infinity) this.#rate = new ByteRate(owner, bytesPerSecond, clock);
  }

  arrived(chunk: Buffer): void {
    this.#rate?.spend(chunk.length);
    if (this.#held > 0 || !isWhole(chunk)) this.#scan(chunk);
  }

  /** The socket is not read for a while. */
  paused(): void {
    this.#readAhead ??= new ReadAhead(this.socket, this.owner);
    this.#readAhead.watch();
  }

  /** The peer has broken the protocol: what it holds stays until its connection ends, and nothing is added to it. */
  broken(): void {
    (this.#scanner ??= new FrameScanner()).stop();
    this.#gatherer?.end();
  }

  ended(): void {
    this.broken();
    this.#unfinished.left(this.owner);
  }

  #scan(chunk: Buffer): void {
    const scanner = (this.#scanner ??= new FrameScanner());
    scanner.scan(chunk);
    if (scanner.chunks < manyChunks) this.#gatherer?.end();
    else (this.#gatherer ??= new Gatherer(this.socket, scanner, this.owner)).begin();
    const { held } = scanner;
    if (held === this.#held) return;
    this.#held = held;
    this.#unfinished.holds(this.owner, held);
  }
}
