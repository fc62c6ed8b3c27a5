import type { ReadResult } from '../contract/backplane.js';
import { isSamePosition, type Position } from '../contract/position.js';
import { type CatchUpFeed, isTooMuch, type WaitingRoom } from './catch-up.js';
import type { Cursor } from './cursor.js';
import { pushPage, tellBroken, tellRecovered } from './member-steps.js';
import type { BreakReason, Subscription } from './subscription.js';

/** The feed of the room, as this queue needs it. */
export interface PageQueueFeed extends CatchUpFeed {
  readonly room: string;
  /** Reads one page after this position; undefined: the read failed. */
  readPage(since: Position): Promise<ReadResult | undefined>;
  /** Passes a result on, which may contain publications that the feed does not have yet. */
  learn(result: ReadResult): void;
  /** Continues with a member that has got the items of a page. */
  settle(subscription: Subscription): void;
  /** A read failed. The feed reads the log itself after some time, until it succeeds, and settles all members then. */
  pageFailed(): void;
}

/**
 * Members of one room that wait for pages of the log. There is one read at a time, for the member that has waited
 * longest, and its result serves all waiting members that it fits. So many members that resume together cost few reads.
 */
export class PageQueue implements WaitingRoom {
  readonly #feed: PageQueueFeed;
  readonly #pageItems: number;
  #waiting: Subscription[] = [];
  #isReading = false;
  /** The member that the last page was read for. */
  #servedFirst: Subscription | undefined;

  constructor(feed: PageQueueFeed, pageItems: number) {
    this.#feed = feed;
    this.#pageItems = pageItems;
  }

  enqueue(subscription: Subscription, cursor: Cursor): void {
    cursor.isQueued = true;
    this.#waiting.push(subscription);
    if (!this.#isReading) void this.#read();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    for (let since = this.#nextSince(); since; since = this.#nextSince()) {
      const result = await this.#feed.readPage(since);
      if (result) this.#serve(since, result);
      else this.#release();
    }
    this.#isReading = false;
  }

  #release(): void {
    for (const { behind } of this.#waiting) if (behind) behind.isQueued = false;
    this.#waiting = [];
    this.#feed.pageFailed();
  }

  /**
   * The position of the member that has waited longest; or the lowest position of others, if it is lower by less than
   * half a page, because one page then serves both. The limit guarantees that the first member gets items from the
   * page.
   */
  #nextSince(): Position | undefined {
    this.#waiting = this.#waiting.filter(({ behind }) => behind?.isQueued);
    const [first] = this.#waiting;
    if (!first?.behind) return undefined;
    const { epoch } = first.behind;
    let { offset } = first.behind;
    // The last page did not reach this member, because pages are also limited in bytes: now read from its own position.
    if (first === this.#servedFirst) return { epoch, offset };
    this.#servedFirst = first;
    const lowest = offset - this.#pageItems / 2;
    for (const { behind } of this.#waiting) {
      if (behind?.epoch === epoch && behind.offset < offset && behind.offset > lowest) offset = behind.offset;
    }
    return { epoch, offset };
  }

  #serve(since: Position, result: ReadResult): void {
    this.#feed.learn(result);
    const waiting = this.#waiting;
    this.#waiting = [];
    const served: Subscription[] = [];
    for (const subscription of waiting) {
      const cursor = subscription.behind;
      if (!cursor?.isQueued) continue;
      if (this.#serveOne(subscription, cursor, since, result)) {
        cursor.isQueued = false;
        served.push(subscription);
      } else {
        this.#waiting.push(subscription);
      }
    }
    // Members that this page did not serve are in front of those that need another page.
    for (const subscription of served) this.#feed.settle(subscription);
  }

  /** @returns false: the result does not fit the position of this member */
  #serveOne(subscription: Subscription, cursor: Cursor, since: Position, result: ReadResult): boolean {
    if (cursor.epoch !== since.epoch) return false;
    const { top } = result;
    const isExact = isSamePosition(cursor, since);
    if (!result.whole) {
      if (!isExact && !holdsFor(result.reason, cursor.offset - since.offset)) return false;
      this.#break(subscription, cursor, top, result.reason);
      return true;
    }
    const { from, items, undone } = result;
    const isFork = top.epoch !== cursor.epoch || undone > 0;
    if (!isExact && (isFork || cursor.offset < since.offset || cursor.offset >= (items.at(-1)?.offset ?? 0)))
      return false;
    const missed = top.offset - (isExact ? from : cursor.offset);
    if (isTooMuch(this.#feed, cursor, missed)) {
      tellBroken(subscription, cursor, top, 'too-many');
      return true;
    }
    if (isFork) cursor.moveTo({ epoch: top.epoch, offset: from });
    if (isFork || !cursor.isTold) tellRecovered(subscription, cursor, top.offset, undone);
    pushPage(subscription, cursor, items);
    return true;
  }

  #break(subscription: Subscription, cursor: Cursor, top: Position, reason: BreakReason): void {
    if (cursor.isNew && !cursor.isTold) {
      // A new member of a `latest` room was to get the newest item, which is not kept any more.
      cursor.moveTo(top);
      tellRecovered(subscription, cursor, top.offset, 0);
    } else {
      tellBroken(subscription, cursor, top, reason);
    }
  }
}

/**
 * Whether the reason why one position cannot continue also holds for another position of the same epoch.
 *
 * @param further - offset of the other position minus offset of the first
 */
function holdsFor(reason: 'epoch' | 'trimmed' | 'future', further: number): boolean {
  return reason === 'epoch' || (reason === 'trimmed' ? further < 0 : further > 0);
}
