import type { Backplane, Once, PageLimits, Published, ReadResult } from '../contract/backplane.js';
import { BackplaneError } from '../contract/backplane-error.js';
import type { Position } from '../contract/position.js';
import { type Clock, systemClock } from '../ports/clock.js';
import { type Random, systemRandom } from '../ports/random.js';
import { Feeds } from './feeds.js';
import { type HubCounts, newHubCounts } from './hub-counts.js';
import { type HubSettings, resolveHubSettings } from './hub-settings.js';
import type { RoomPolicy } from './room-policy.js';
import { RoomWriters } from './room-writers.js';
import type { Member, Subscription } from './subscription.js';

/** @publicApi */
export interface RoomHubOptions {
  readonly backplane: Backplane;
  /**
   * Returns the policy of a room. Called when a room gets its first member on this node, and for each publish to a room
   * without members.
   */
  readonly policyOf: (room: string) => RoomPolicy;
  /** Called with each command that a node has sent to this node. Default: commands are ignored. */
  readonly onCommand?: (command: Uint8Array, from: string) => void;
  /** Each has a default. A RangeError is thrown for an invalid one. */
  readonly settings?: Partial<HubSettings>;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: `Math.random`. */
  readonly random?: Random;
}

/**
 * The rooms of one node, on any engine. A member of a room with history gets every publication once and in order, or is
 * told how many it misses and why.
 *
 * ```ts
 * const hub = new RoomHub({ backplane: new MemoryBackplane(), policyOf });
 * await hub.start('node-1');
 * const subscription = hub.join('orders/42', member, null);
 * await hub.publish('orders/42', item);
 * ```
 *
 * @publicApi
 */
export class RoomHub {
  /** Counters since the start. */
  readonly counts: Readonly<HubCounts>;
  readonly #backplane: Backplane;
  readonly #policyOf: (room: string) => RoomPolicy;
  readonly #onCommand: (command: Uint8Array, from: string) => void;
  readonly #clock: Clock;
  readonly #feeds: Feeds;
  readonly #writers: RoomWriters;

  constructor(options: RoomHubOptions) {
    const { backplane, clock = systemClock, random = systemRandom } = options;
    const settings = resolveHubSettings(options.settings ?? {});
    const counts = newHubCounts();
    this.counts = counts;
    this.#backplane = backplane;
    this.#policyOf = options.policyOf;
    this.#onCommand = options.onCommand ?? (() => undefined);
    this.#clock = clock;
    this.#feeds = new Feeds(backplane, clock, random, settings, counts);
    this.#writers = new RoomWriters(backplane, settings, clock, (...stored) => this.#stored(...stored));
  }

  /** Number of rooms on this node: with members, or left a moment ago. */
  get rooms(): number {
    return this.#feeds.size;
  }

  /** Bytes of recent publications that are kept for members that catch up. */
  get ringBytes(): number {
    return this.#feeds.context.rings.bytes;
  }

  /** Bytes of publications that the engine has not confirmed. */
  get pendingBytes(): number {
    return this.#writers.bytes;
  }

  /** Number of reads in flight and waiting. */
  get pendingReads(): number {
    const { inFlight, waiting } = this.#feeds.context.reads;
    return inFlight + waiting;
  }

  /**
   * Connects the engine.
   *
   * @param node - name of this node, unique among all nodes, also among the incarnations of one node
   * @throws BackplaneError
   */
  start(node: string): Promise<void> {
    return this.#backplane.start(node, {
      publication: (publication) => this.#feeds.delivered(publication, false),
      command: (command, from) => this.#onCommand(command, from),
      interrupted: (rooms, cause) => this.#feeds.interrupted(rooms, cause),
      resumed: (rooms) => this.#feeds.resumed(rooms),
    });
  }

  /** Ends all subscriptions and disconnects the engine. No member is called any more. */
  close(): Promise<void> {
    this.#feeds.close();
    this.#writers.close();
    return this.#backplane.close();
  }

  /**
   * Adds a member to a room. Its methods are called from now on, the first one possibly before this call returns. While
   * the engine is not available, `degraded` is called, and `joined` once it is available again.
   *
   * @param since - the position to resume from; null: start with the next publication, in a `latest` room with the
   *   newest item
   * @throws BackplaneError `FULL` when this node has too many rooms; `AWAY` when the hub is closed
   * @throws RangeError when the position is invalid: an empty epoch, or an offset that is not an integer from 0 to 2^53
   *   - 1
   */
  join(room: string, member: Member, since: Position | null): Subscription {
    if (since && !isPosition(since)) throw new RangeError(`There is no position ${JSON.stringify(since)}`);
    return this.#feeds.getOrCreate(room, this.#policyOf).join(member, since);
  }

  /**
   * The present position of a room, which need not have members. Use it when a membership has to be stored before the
   * client is told: open the room, store the membership with the position, then join with the position. What is
   * published in between is pushed after the join.
   *
   * @returns null in a room without history
   * @throws BackplaneError when the engine is not available; `FULL` when this node has too many rooms
   */
  async open(room: string): Promise<Position | null> {
    return this.#feeds.getOrCreate(room, this.#policyOf).open();
  }

  /**
   * Publishes one item. Publishes to one room take effect in the order of the calls.
   *
   * @param item - not copied: its bytes must not be changed afterwards
   * @returns once it is stored. In a room without history: once it was sent to the other nodes; the members on this
   *   node get it at once, also when this rejects. With a key they get it after the engine has confirmed that it is no
   *   repeat.
   * @throws BackplaneError with outcome `none` when it was not published, `unknown` when it may have been
   */
  publish(room: string, item: Uint8Array, once?: Once): Promise<Published> {
    const policy = this.#policyFor(room);
    // There is nothing to store first, and the members on this node do not need the engine.
    if (policy.history.size === 0 && !once) this.#deliverHere(room, item);
    return this.#writers.write(room, policy, item, once);
  }

  /**
   * Publishes to the members on this node only.
   *
   * @throws BackplaneError `REFUSED` in a room with history, whose members would miss it on every other node
   */
  publishHere(room: string, item: Uint8Array): void {
    if (this.#policyFor(room).history.size > 0) {
      const message = `Room ${room} has a history: publish to all nodes, or use a room without history`;
      throw new BackplaneError('publish', 'REFUSED', 'none', message);
    }
    this.#deliverHere(room, item);
  }

  /**
   * Reads a page of the history from the engine.
   *
   * @param since - null: the top only
   * @param page - default: `pageItems` and `pageBytes` of the settings
   * @throws BackplaneError
   */
  read(room: string, since: Position | null, page?: PageLimits): Promise<ReadResult> {
    const { history } = this.#policyFor(room);
    return this.#feeds.context.reads.read(room, since, history, page);
  }

  /** The members of a room on this node. */
  members(room: string): Iterable<Subscription> {
    return this.#feeds.get(room)?.intake.members ?? [];
  }

  /** Number of members of a room on this node. */
  count(room: string): number {
    return this.#feeds.get(room)?.intake.members.size ?? 0;
  }

  /** The members on this node get an item by the reply to its publish, even when its delivery is lost. */
  #stored(room: string, items: readonly Uint8Array[], { first, at }: Published, hasKey: boolean): void {
    for (const [index, item] of items.entries()) {
      if (first) this.#feeds.delivered({ epoch: first.epoch, offset: first.offset + index, room, at, item }, true);
      // Without history, an item without a key was delivered on this node before it was sent.
      else if (hasKey) this.#deliverHere(room, item);
    }
  }

  #deliverHere(room: string, item: Uint8Array): void {
    this.#feeds.delivered({ epoch: '', offset: 0, room, at: this.#clock.wallNow(), item }, true);
  }

  #policyFor(room: string): RoomPolicy {
    return this.#feeds.get(room)?.policy ?? this.#policyOf(room);
  }
}

function isPosition({ epoch, offset }: Position): boolean {
  return epoch !== '' && Number.isSafeInteger(offset) && offset >= 0;
}
