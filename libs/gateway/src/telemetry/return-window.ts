import { performance } from 'node:perf_hooks';
import type { Clock } from '../ground/index.js';

/** So many handshakes in a row, with no pause of a second, tell what one costs. */
const sampleSize = 50;
const sampleMs = 1_000;

/** Until there is a measurement: what a small machine does with tokens and guards. */
const firstPerSecond = 500;

/** How much the last measurement counts. */
const weight = 0.3;

/** Fewer are back within a second whatever they do. */
const smallFleet = 100;

const narrowestMs = 1_000;
const widestMs = 30_000;

/**
 * Over how long a time clients should spread their return when this process crashes: as many connections as there are,
 * divided by the handshakes that this process has been able to take in a second.
 */
export class ReturnWindow {
  #perSecond = firstPerSecond;
  #taken = 0;
  #lastAt = -Infinity;
  #busyMs = 0;

  /** @param busyMs - the time that the event loop has been at work, in milliseconds since any moment. */
  constructor(
    private readonly clock: Clock,
    private readonly busyMs: () => number = () => performance.eventLoopUtilization().active,
  ) {}

  /** Handshakes that this process takes in a second, as far as is known. */
  get perSecond(): number {
    return this.#perSecond;
  }

  /** A client was let in. */
  admitted(): void {
    const now = this.clock.now();
    // What is done between handshakes that are far from each other says nothing of them.
    if (now - this.#lastAt > sampleMs) this.#begin();
    this.#lastAt = now;
    if (this.#taken++ < sampleSize) return;
    const busyMs = Math.max(1, this.busyMs() - this.#busyMs);
    this.#perSecond += weight * ((sampleSize * 1_000) / busyMs - this.#perSecond);
    this.#begin();
    // The one that has ended the sample begins the next.
    this.#taken = 1;
  }

  /** Milliseconds; undefined: there is no need to spread more than clients do by themselves. */
  widthFor(connections: number): number | undefined {
    if (connections <= smallFleet) return undefined;
    const ms = Math.round((connections / this.#perSecond) * 1_000);
    return ms <= narrowestMs ? undefined : Math.min(widestMs, ms);
  }

  #begin(): void {
    this.#taken = 0;
    this.#busyMs = this.busyMs();
  }
}
