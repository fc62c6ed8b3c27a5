import type { Backplane } from '../contract/backplane.js';
import { BackplaneError } from '../contract/backplane-error.js';
import type { Publication } from '../contract/position.js';
import type { Clock, TimerHandle } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import { Agenda } from './agenda.js';
import { Feed } from './feed.js';
import type { FeedContext } from './feed-context.js';
import type { HubCounts } from './hub-counts.js';
import type { HubSettings } from './hub-settings.js';
import { PageReads } from './page-reads.js';
import { PositionCheck } from './position-check.js';
import { Rings } from './ring.js';
import type { RoomPolicy } from './room-policy.js';
import { Watches } from './watches.js';

/** All feeds of a node, and the one timer that they share. */
export class Feeds {
  readonly context: FeedContext;
  readonly #feeds = new Map<string, Feed>();
  readonly #check: PositionCheck;
  #timer: TimerHandle;
  #ringsAgedAt: number;
  #hasClosed = false;

  constructor(backplane: Backplane, clock: Clock, random: Random, settings: HubSettings, counts: HubCounts) {
    const page = { items: settings.pageItems, bytes: settings.pageBytes };
    this.context = {
      ...{ agenda: new Agenda(), clock, counts, random, settings },
      reads: new PageReads(backplane, page, settings.maxReads),
      rings: new Rings(settings.ringBytes, counts),
      watches: new Watches(backplane),
      ended: (room) => this.#ended(room),
    };
    this.#check = new PositionCheck(backplane, this.#feeds);
    this.#ringsAgedAt = clock.now();
  }

  get size(): number {
    return this.#feeds.size;
  }

  get(room: string): Feed | undefined {
    return this.#feeds.get(room);
  }

  /** @throws BackplaneError `FULL` when there are too many rooms; `AWAY` after {@link close} */
  getOrCreate(room: string, policyOf: (room: string) => RoomPolicy): Feed {
    const known = this.#feeds.get(room);
    if (known) return known;
    if (this.#hasClosed) throw new BackplaneError('watch', 'AWAY', 'none', 'This node has closed');
    const { maxRooms, tickMs } = this.context.settings;
    if (this.#feeds.size >= maxRooms) {
      const message = `This node has ${maxRooms} rooms with members: spread them over more nodes, or raise maxRooms`;
      throw new BackplaneError('watch', 'FULL', 'none', message);
    }
    const feed = new Feed(room, policyOf(room), this.context);
    this.#feeds.set(room, feed);
    this.#timer ??= this.context.clock.schedule(this.#tick, tickMs);
    return feed;
  }

  delivered(publication: Publication, isOwn: boolean): void {
    this.#feeds.get(publication.room)?.delivered(publication, isOwn);
  }

  interrupted(rooms: readonly string[] | 'all', cause: BackplaneError): void {
    for (const feed of this.#concerned(rooms)) feed.interrupted(cause);
  }

  resumed(rooms: readonly string[] | 'all'): void {
    for (const feed of this.#concerned(rooms)) feed.resumed();
  }

  /** Ends all feeds. No feed can be created afterwards. */
  close(): void {
    this.#hasClosed = true;
    for (const feed of this.#feeds.values()) feed.end();
  }

  #ended(room: string): void {
    this.#feeds.delete(room);
    if (this.#feeds.size > 0) return;
    this.context.clock.cancel(this.#timer);
    this.#timer = undefined;
  }

  /** Feeds with members first, because clients wait for them. */
  #concerned(rooms: readonly string[] | 'all'): readonly Feed[] {
    const feeds = rooms === 'all' ? [...this.#feeds.values()] : rooms.flatMap((room) => this.#feeds.get(room) ?? []);
    const hasMembers = (feed: Feed): boolean => feed.intake.members.size > 0;
    return [...feeds.filter(hasMembers), ...feeds.filter((feed) => !hasMembers(feed))];
  }

  readonly #tick = (): void => {
    const { agenda, clock, rings, settings } = this.context;
    const now = clock.now();
    this.#timer = clock.schedule(this.#tick, settings.tickMs);
    agenda.run(now);
    if (now - this.#ringsAgedAt >= settings.ringMs) {
      this.#ringsAgedAt = now;
      rings.age();
    }
    void this.#check.next(settings.tickMs / settings.checkMs);
  };
}
