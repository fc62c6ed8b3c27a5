import type { Backplane, BackplaneSink, PageLimits, Published, ReadResult } from '../contract/backplane.js';
import { BackplaneError } from '../contract/backplane-error.js';
import type { Position, Publication } from '../contract/position.js';
import { type Clock, systemClock, type TimerHandle } from '../ports/clock.js';
import { type Random, systemRandom } from '../ports/random.js';
import { Agenda } from './agenda.js';
import { Feed } from './feed.js';
import type { FeedContext } from './feed-context.js';
import { type HubCounts, newHubCounts } from './hub-counts.js';
import { defaultHubSettings, type HubSettings } from './hub-settings.js';
import { PageReads } from './page-reads.js';
import { PositionCheck } from './position-check.js';
import { Rings } from './ring.js';
import type { RoomPolicy } from './room-policy.js';
import type { Once } from './room-writer.js';
import { RoomWriters } from './room-writers.js';
import type { Member, Subscription } from './subscription.js';
import { Watches } from './watches.js';

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
  readonly #settings: HubSettings;
  readonly #feeds = new Map<string, Feed>();
  readonly #context: FeedContext;
  readonly #writers: RoomWriters;
  readonly #check: PositionCheck;
  #timer: TimerHandle;
  #ringsAgedAt: number;
  #hasClosed = false;

  constructor(options: RoomHubOptions) {
    const { backplane, clock = systemClock, random = systemRandom } = options;
    const settings = { ...defaultHubSettings, ...options.settings };
    const counts = newHubCounts();
    this.counts = counts;
    this.#backplane = backplane;
    this.#policyOf = options.policyOf;
    this.#onCommand = options.onCommand ?? (() => undefined);
    this.#settings = settings;
    const page = { items: settings.pageItems, bytes: settings.pageBytes };
    this.#context = {
      ...{ agenda: new Agenda(), clock, counts, random, settings },
      reads: new PageReads(backplane, page, settings.maxReads),
      rings: new Rings(settings.ringBytes, counts),
      watches: new Watches(backplane),
      ended: (room) => this.#ended(room),
    };
    this.#writers = new RoomWriters(backplane, settings, (...stored) => this.#stored(...stored));
    this.#check = new PositionCheck(backplane, this.#feeds);
    this.#ringsAgedAt = clock.now();
  }

  /** Rooms with members on this node, and those whose last member has just left. */
  get rooms(): number {
    return this.#feeds.size;
  }

  /** Bytes kept for members that were away for a moment. */
  get ringBytes(): number {
    return this.#context.rings.bytes;
  }

  /** Bytes of publishes that wait for the engine. */
  get pendingBytes(): number {
    return this.#writers.bytes;
  }

  /** Reads in flight, and reads that wait for them. */
  get pendingReads(): number {
    return this.#context.reads.inFlight + this.#context.reads.waiting;
  }

  /**
   * Connects the engine.
   *
   * @param node - name of this node, unique among the nodes and among incarnations of one
   */
  start(node: string): Promise<void> {
    return this.#backplane.start(node, this.#sink);
  }

  /** Forgets all rooms and disconnects the engine. No member is called any more. */
  async close(): Promise<void> {
    this.#hasClosed = true;
    for (const feed of this.#feeds.values()) feed.end();
    await this.#backplane.close();
  }

  /**
   * Makes a member of somebody. What becomes of it is said by calls to the member, of which the first may come before this
   * returns. While the engine is away the member waits, and is told so.
   *
   * @param since - the position it comes back with; null: it has none, and begins with what comes next, in a `latest`
   *   room with the newest item
   * @throws BackplaneError `FULL` when this node has too many rooms; `AWAY` when it has closed
   */
  join(room: string, member: Member, since: Position | null): Subscription {
    return this.#feedOf(room).join(member, since);
  }

  /**
   * The position of a room that need not have members yet. It is watched from now on, for a moment at least: what has to be
   * stored before a client may be told can be stored with this position, and the member joins with it afterwards.
   *
   * @returns null in a room without history
   * @throws BackplaneError when the engine cannot be asked now; `FULL` when this node has too many rooms
   */
  async open(room: string): Promise<Position | null> {
    return this.#feedOf(room).open();
  }

  /**
   * Publishes one item; its bytes are not changed afterwards. Publishes to one room take effect in the order of the calls.
   *
   * @param once - a key of the application: a repeat within its window gets the first answer and is delivered to nobody
   * @returns when it is stored, and where; in a room without history when it has left this node, whose members have it already
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
    const at = this.#context.clock.wallNow();
    this.#feeds.get(room)?.delivered({ epoch: '', offset: 0, room, at, item }, true);
  }

  /**
   * A page of the history, from the engine.
   *
   * @param since - null: the top only
   * @throws BackplaneError
   */
  read(room: string, since: Position | null, page?: PageLimits): Promise<ReadResult> {
    const { history } = this.#feeds.get(room)?.policy ?? this.#policyOf(room);
    return this.#context.reads.read(room, since, history, page);
  }

  /** The members of a room on this node. */
  members(room: string): Iterable<Subscription> {
    return this.#feeds.get(room)?.intake.members ?? [];
  }

  /** How many members a room has on this node. */
  count(room: string): number {
    return this.#feeds.get(room)?.intake.members.size ?? 0;
  }

  readonly #sink: BackplaneSink = {
    publication: (publication: Publication) => this.#feeds.get(publication.room)?.delivered(publication, false),
    command: (command, from) => this.#onCommand(command, from),
    interrupted: (rooms, cause) => {
      for (const feed of this.#concerned(rooms)) feed.interrupted(cause);
    },
    resumed: (rooms) => {
      for (const feed of this.#concerned(rooms)) feed.resumed();
    },
  };

  #feedOf(room: string): Feed {
    const known = this.#feeds.get(room);
    if (known) return known;
    if (this.#hasClosed) throw new BackplaneError('watch', 'AWAY', 'none', 'This node has closed');
    const { maxRooms } = this.#settings;
    if (this.#feeds.size >= maxRooms) {
      const message = `This node has ${maxRooms} rooms with members: spread them over more nodes, or raise maxRooms`;
      throw new BackplaneError('watch', 'FULL', 'none', message);
    }
    const feed = new Feed(room, this.#policyOf(room), this.#context);
    this.#feeds.set(room, feed);
    this.#timer ??= this.#context.clock.schedule(this.#tick, this.#settings.tickMs);
    return feed;
  }

  #ended(room: string): void {
    this.#feeds.delete(room);
    if (this.#feeds.size > 0) return;
    this.#context.clock.cancel(this.#timer);
    this.#timer = undefined;
  }

  /** This node need not wait for what it has published itself. */
  #stored(room: string, items: readonly Uint8Array[], { first, at }: Published, hasKey: boolean): void {
    const feed = this.#feeds.get(room);
    if (!feed) return;
    for (const [index, item] of items.entries()) {
      if (first) feed.delivered({ epoch: first.epoch, offset: first.offset + index, room, at, item }, true);
      // Without history, the others were delivered here before they left.
      else if (hasKey) this.publishHere(room, item);
    }
  }

  /** Those with members first: somebody waits for them. */
  #concerned(rooms: readonly string[] | 'all'): readonly Feed[] {
    const feeds = rooms === 'all' ? [...this.#feeds.values()] : rooms.flatMap((room) => this.#feeds.get(room) ?? []);
    const hasMembers = (feed: Feed): boolean => feed.intake.members.size > 0;
    return [...feeds.filter(hasMembers), ...feeds.filter((feed) => !hasMembers(feed))];
  }

  readonly #tick = (): void => {
    const { agenda, clock, rings } = this.#context;
    const { checkMs, ringMs, tickMs } = this.#settings;
    const now = clock.now();
    this.#timer = clock.schedule(this.#tick, tickMs);
    agenda.run(now);
    if (now - this.#ringsAgedAt >= ringMs) {
      this.#ringsAgedAt = now;
      rings.age();
    }
    void this.#check.next(tickMs / checkMs);
  };
}
