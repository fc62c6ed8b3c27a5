import type { Backplane, PageLimits, Published, ReadResult } from '../contract/backplane.js';
import type { Position } from '../contract/position.js';
import { type Clock, systemClock } from '../ports/clock.js';
import { type Random, systemRandom } from '../ports/random.js';
import { Feeds } from './feeds.js';
import { type HubCounts, newHubCounts } from './hub-counts.js';
import { defaultHubSettings, type HubSettings } from './hub-settings.js';
import type { RoomPolicy } from './room-policy.js';
import type { Once } from './room-writer.js';
import { RoomWriters } from './room-writers.js';
import type { Member, Subscription } from './subscription.js';

/** @publicApi */
export interface RoomHubOptions {
  readonly backplane: Backplane;
  /** What a room promises. Asked when a room gets its first member here, and for each publish to a room without one. */
  readonly policyOf: (room: string) => RoomPolicy;
  /** Gets the commands that nodes send each other. Default: they are ignored. */
  readonly onCommand?: (command: Uint8Array, from: string) => void;
  readonly settings?: Partial<HubSettings>;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: `Math.random`. */
  readonly random?: Random;
}

/**
 * The rooms of one node, on any engine: members join and leave, and each gets every publication of its rooms once and in
 * order, or is told what it does not get and why.
 *
 * @publicApi
 */
export class RoomHub {
  /** What has happened since the start. */
  readonly counts: Readonly<HubCounts>;
  readonly #backplane: Backplane;
  readonly #policyOf: (room: string) => RoomPolicy;
  readonly #onCommand: (command: Uint8Array, from: string) => void;
  readonly #clock: Clock;
  readonly #feeds: Feeds;
  readonly #writers: RoomWriters;

  constructor(options: RoomHubOptions) {
    const { backplane, clock = systemClock, random = systemRandom } = options;
    const settings = { ...defaultHubSettings, ...options.settings };
    const counts = newHubCounts();
    this.counts = counts;
    this.#backplane = backplane;
    this.#policyOf = options.policyOf;
    this.#onCommand = options.onCommand ?? (() => undefined);
    this.#clock = clock;
    this.#feeds = new Feeds(backplane, clock, random, settings, counts);
    this.#writers = new RoomWriters(backplane, settings, (...stored) => this.#stored(...stored));
  }

  /** Rooms with members on this node, and those whose last member has just left. */
  get rooms(): number {
    return this.#feeds.size;
  }

  /** Bytes kept for members that were away for a moment. */
  get ringBytes(): number {
    return this.#feeds.context.rings.bytes;
  }

  /** Bytes of publishes that wait for the engine or are on their way to it. */
  get pendingBytes(): number {
    return this.#writers.bytes;
  }

  /** Reads in flight, and reads that wait for them. */
  get pendingReads(): number {
    const { inFlight, waiting } = this.#feeds.context.reads;
    return inFlight + waiting;
  }

  /**
   * Connects the engine.
   *
   * @param node - name of this node, unique among the nodes and among incarnations of one
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

  /** Forgets all rooms and disconnects the engine. No member is called any more. */
  close(): Promise<void> {
    this.#feeds.close();
    return this.#backplane.close();
  }

  /**
   * Makes a member of somebody. What becomes of it is said by calls to the member, of which the first may come before this
   * returns. While the engine is away the member waits, and is told so.
   *
   * @param since - the position it comes back with; null: it has none, and begins with what comes next, in a `latest`
   *   room with the newest item
   * @throws BackplaneError `FULL` when this node has too many rooms; `AWAY` when it has closed
   * @throws RangeError for a position that no engine gives
   */
  join(room: string, member: Member, since: Position | null): Subscription {
    if (since && !isPosition(since)) throw new RangeError(`There is no position ${JSON.stringify(since)}`);
    return this.#feeds.getOrCreate(room, this.#policyOf).join(member, since);
  }

  /**
   * The position of a room that need not have members yet. It is watched from now on, for a moment at least: what has to be
   * stored before a client may be told can be stored with this position, and the member joins with it afterwards.
   *
   * @returns null in a room without history
   * @throws BackplaneError when the engine cannot be asked now; `FULL` when this node has too many rooms
   */
  async open(room: string): Promise<Position | null> {
    return this.#feeds.getOrCreate(room, this.#policyOf).open();
  }

  /**
   * Publishes one item, whose bytes are not changed afterwards. Publishes to one room take effect in the order of the calls.
   *
   * @param once - a key of the application: a repeat within its window gets the first answer and is delivered to nobody
   * @returns when it is stored, and where. In a room without history: when it has left this node, whose members have it
   *   already
   * @throws BackplaneError with outcome `unknown` when it may have been stored nevertheless
   */
  publish(room: string, item: Uint8Array, once?: Once): Promise<Published> {
    const policy = this.#feeds.get(room)?.policy ?? this.#policyOf(room);
    // Nothing has to be stored first, and members here get it also while the engine is away.
    if (policy.history.size === 0 && !once) this.publishHere(room, item);
    return this.#writers.write(room, policy, item, once);
  }

  /** Publishes to the members on this node alone, in a room without history. */
  publishHere(room: string, item: Uint8Array): void {
    this.#feeds.delivered({ epoch: '', offset: 0, room, at: this.#clock.wallNow(), item }, true);
  }

  /**
   * A page of the history, from the engine.
   *
   * @param since - null: the top only
   * @throws BackplaneError
   */
  read(room: string, since: Position | null, page?: PageLimits): Promise<ReadResult> {
    const { history } = this.#feeds.get(room)?.policy ?? this.#policyOf(room);
    return this.#feeds.context.reads.read(room, since, history, page);
  }

  /** The members of a room on this node. */
  members(room: string): Iterable<Subscription> {
    return this.#feeds.get(room)?.intake.members ?? [];
  }

  /** How many members a room has on this node. */
  count(room: string): number {
    return this.#feeds.get(room)?.intake.members.size ?? 0;
  }

  /** This node need not wait for what it has published itself. */
  #stored(room: string, items: readonly Uint8Array[], { first, at }: Published, hasKey: boolean): void {
    for (const [index, item] of items.entries()) {
      if (first) this.#feeds.delivered({ epoch: first.epoch, offset: first.offset + index, room, at, item }, true);
      // Without history, the others were delivered here before they left.
      else if (hasKey) this.publishHere(room, item);
    }
  }
}

function isPosition({ epoch, offset }: Position): boolean {
  return epoch !== '' && Number.isSafeInteger(offset) && offset >= 0;
}
