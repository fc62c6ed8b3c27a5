import type { BackplaneSink, Published, PublishOptions } from '../contract/backplane.js';
import { BackplaneError } from '../contract/backplane-error.js';
import type { Publication } from '../contract/position.js';
import { type Clock, systemClock, type TimerHandle } from '../ports/clock.js';
import { type Random, systemRandom } from '../ports/random.js';
import { RoomLogs } from './room-logs.js';
import { SessionRecords } from './session-records.js';

/** @publicApi */
export interface MemoryBrokerOptions {
  /** Bytes of all histories together, with the overhead of rooms and items. Beyond it: `FULL`. Default 256 MiB. */
  readonly maxBytes?: number;
  /** Sessions at the same time. Beyond it: `FULL`. Default 1,000,000. */
  readonly maxSessions?: number;
  /**
   * Milliseconds after which a room without items is forgotten, counted from the last publish, read or `tops`. After
   * that it starts in a new epoch. Longer than clients may be away. Default 3,600,000 (1 h).
   */
  readonly roomIdleMs?: number;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: `Math.random`. */
  readonly random?: Random;
}

/** A node that uses the broker. */
export interface AttachedNode {
  readonly name: string;
  readonly sink: BackplaneSink;
  /** Number of watches per room. */
  readonly watched: Map<string, number>;
}

/** Each room and session is checked for expiry about once in 30 s. */
const sweepMs = 1_000;
const sweepShare = 1 / 30;

/**
 * The logs, deliveries and sessions that the nodes of one process share. An application has one node and does not need
 * to create a broker. Tests share one between several nodes.
 *
 * @publicApi
 */
export class MemoryBroker {
  /** @internal Also used by tests, to simulate a loss of data. */
  readonly logs: RoomLogs;
  /** @internal */
  readonly sessions: SessionRecords;
  readonly #clock: Clock;
  readonly #nodes = new Map<string, AttachedNode>();
  #timer: TimerHandle;

  constructor(options: MemoryBrokerOptions = {}) {
    const { clock = systemClock, random = systemRandom } = options;
    const { maxBytes = 256 * 1024 * 1024, maxSessions = 1_000_000, roomIdleMs = 3_600_000 } = options;
    this.#clock = clock;
    this.logs = new RoomLogs(clock, random, { maxBytes, roomIdleMs }, () => this.#arm());
    this.sessions = new SessionRecords(clock, maxSessions, () => this.#arm());
  }

  /** Bytes of all histories; see {@link MemoryBrokerOptions.maxBytes}. */
  get bytes(): number {
    return this.logs.bytes;
  }

  /** Number of rooms that are stored. */
  get rooms(): number {
    return this.logs.size;
  }

  /** @internal */
  attach(name: string, sink: BackplaneSink): AttachedNode {
    if (this.#nodes.has(name)) {
      throw new BackplaneError('connect', 'REFUSED', 'none', `There is a node ${name} already: give each its own name`);
    }
    const node = { name, sink, watched: new Map<string, number>() };
    this.#nodes.set(name, node);
    this.#arm();
    return node;
  }

  /** @internal */
  detach(node: AttachedNode): void {
    this.#nodes.delete(node.name);
    if (this.#nodes.size > 0) return;
    this.#clock.cancel(this.#timer);
    this.#timer = undefined;
  }

  /** @internal */
  publish(from: AttachedNode, room: string, items: readonly Uint8Array[], options: PublishOptions): Published {
    const { published, publications } = this.logs.publish(room, items, options);
    // In a room without history the publishing node has delivered to its own members already.
    const except = published.first ? undefined : from;
    for (const publication of publications) this.#deliver(publication, except);
    return published;
  }

  /** @internal */
  send(from: AttachedNode, to: string | null, command: Uint8Array): number {
    const addressed = [...this.#nodes.values()].filter(({ name }) => to === null || name === to);
    for (const { sink } of addressed) sink.command(command, from.name);
    return addressed.length;
  }

  #deliver(publication: Publication, except: AttachedNode | undefined): void {
    for (const node of this.#nodes.values()) {
      if (node !== except && node.watched.has(publication.room)) node.sink.publication(publication);
    }
  }

  /** Without rooms and sessions there is nothing that could expire. */
  #arm(): void {
    const isNeeded = this.#nodes.size > 0 && this.logs.size + this.sessions.size > 0;
    if (isNeeded) this.#timer ??= this.#clock.schedule(this.#sweep, sweepMs);
  }

  readonly #sweep = (): void => {
    this.logs.sweep(sweepShare);
    this.sessions.sweep(sweepShare);
    this.#timer = undefined;
    this.#arm();
  };
}
