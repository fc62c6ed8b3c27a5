import type { ReadResult } from '../contract/backplane.js';
import { isSamePosition, type Position } from '../contract/position.js';
import { type CatchUpFeed, isTooMuch, type WaitingRoom } from './catch-up.js';
import type { Cursor } from './cursor.js';
import { pushPage, tellBroken, tellRecovered } from './member-steps.js';
import type { BreakReason, Subscription } from './subscription.js';

/** The feed whose log is read. */
export interface PageQueueFeed extends CatchUpFeed {
  readonly room: string;
  /** One page after that position; undefined: the engine cannot be asked now. */
  readPage(since: Position): Promise<ReadResult | undefined>;
  /** What was read for members may be news for the feed. */
  learn(result: ReadResult): void;
  /** A member has got what a page brought, and goes on from there. */
  settle(subscription: Subscription): void;
  /** The log could not be read. Everybody is settled again when it can be. */
  heal(): void;
}

/**
 * Members of one room that need the log. One page is read at a time, for the member that has waited longest, and serves
 * everybody it can serve: a thousand members that come back together cost as many reads as one.
 */
export class PageQueue implements WaitingRoom {
  readonly #feed: PageQueueFeed;
  readonly #pageItems: number;
  #waiting: Subscription[] = [];
  #isReading = false;
  /** Whom the last page was read for. */
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
    this.#feed.heal();
  }

  /**
   * The position of the member that has waited longest, or one that is lower by less than half a page: both get on by the
   * same page, and nobody waits for ever behind those who have missed more.
   */
  #nextSince(): Position | undefined {
    this.#waiting = this.#waiting.filter(({ behind }) => behind?.isQueued);
    const [first] = this.#waiting;
    if (!first?.behind) return undefined;
    const { epoch } = first.behind;
    let { offset } = first.behind;
    // The last page was read for it and did not reach it: pages are cut by bytes, too.
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
    // After those that this page did not serve.
    for (const subscription of served) this.#feed.settle(subscription);
  }

  /** @returns false: the page says nothing about this one. */
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
      // It was to begin with the latest value, and there is none.
      cursor.moveTo(top);
      tellRecovered(subscription, cursor, top.offset, 0);
    } else {
      tellBroken(subscription, cursor, top, reason);
    }
  }
}

/** Whether the verdict on one position holds for another one of that epoch, which is further by so much. */
function holdsFor(reason: 'epoch' | 'trimmed' | 'future', further: number): boolean {
  return reason === 'epoch' || (reason === 'trimmed' ? further < 0 : further > 0);
}
