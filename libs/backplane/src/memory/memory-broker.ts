import type { BackplaneSink, Published, PublishOptions } from '../contract/backplane.js';
import { BackplaneError } from '../contract/backplane-error.js';
import type { Publication } from '../contract/position.js';
import { type Clock, systemClock, type TimerHandle } from '../ports/clock.js';
import { type Random, systemRandom } from '../ports/random.js';
import { RoomLogs } from './room-logs.js';
import { SessionRecords } from './session-records.js';

/** @publicApi */
export interface MemoryBrokerOptions {
  /** Bytes that the histories of all rooms may take, what it costs to keep them included. Default 256 MiB. Beyond it `FULL`. */
  readonly maxBytes?: number;
  /** Sessions remembered at once. Default 1,000,000. Beyond it `FULL`. */
  readonly maxSessions?: number;
  /** Milliseconds after which a room without items is forgotten when nobody publishes, reads or watches. Default 1 h. */
  readonly roomIdleMs?: number;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: `Math.random`. */
  readonly random?: Random;
}

/** One node on the broker. */
export interface AttachedNode {
  readonly name: string;
  readonly sink: BackplaneSink;
  /** How many watches of each room have no unwatch yet. */
  readonly watched: Map<string, number>;
}

/** Everything is looked at for its expiry about once in 30 s. */
const sweepMs = 1_000;
const sweepShare = 1 / 30;

/**
 * The logs, wires and sessions behind the nodes of one process. An application with one node needs none: its
 * `MemoryBackplane` makes its own. Several nodes that share one are what tests of many nodes need.
 *
 * @publicApi
 */
export class MemoryBroker {
  /** @internal Also for tests, which change them as a restart does. */
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
    this.logs = new RoomLogs(clock, random, { maxBytes, roomIdleMs });
    this.sessions = new SessionRecords(clock, maxSessions);
  }

  /** Bytes that the histories of all rooms take. */
  get bytes(): number {
    return this.logs.bytes;
  }

  /** Rooms that are remembered. */
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
    this.#timer ??= this.#clock.schedule(this.#sweep, sweepMs);
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
    // The publisher of an ephemeral room has delivered to its own members already.
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

  readonly #sweep = (): void => {
    this.logs.sweep(sweepShare);
    this.sessions.sweep(sweepShare);
    this.#timer = this.#clock.schedule(this.#sweep, sweepMs);
  };
}
