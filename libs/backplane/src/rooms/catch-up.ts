import type { Position } from '../contract/position.js';
import type { Cursor } from './cursor.js';
import type { HubCounts } from './hub-counts.js';
import type { Intake } from './intake.js';
import { pushOne, tellBroken, tellRecovered } from './member-steps.js';
import type { RoomPolicy } from './room-policy.js';
import type { Subscription } from './subscription.js';

/** The feed of the room, as its members need it to catch up. */
export interface CatchUpFeed {
  readonly policy: RoomPolicy;
  readonly intake: Intake;
  /** Whether a member that has everything up to `intake.offset` can become live now. */
  readonly isReady: boolean;
}

/** Members that wait for a page of the log. */
export interface WaitingRoom {
  enqueue(subscription: Subscription, cursor: Cursor): void;
}

/**
 * Brings members to the position of their feed: new members, members that resume from a position, and members that did
 * not accept a publication. A member becomes live when its cursor is at the position of the feed, within one turn of
 * the event loop. Until then nothing is queued for it, so a member that does not read costs one cursor.
 */
export class CatchUp {
  readonly #feed: CatchUpFeed;
  readonly #pages: WaitingRoom;
  readonly #counts: HubCounts;
  #hasDeferred = false;

  constructor(feed: CatchUpFeed, pages: WaitingRoom, counts: HubCounts) {
    this.#feed = feed;
    this.#pages = pages;
    this.#counts = counts;
  }

  /** Continues with members that were settled while the feed was not ready. */
  settleDeferred(): void {
    if (this.#hasDeferred) this.settleAll();
  }

  settleAll(): void {
    this.#hasDeferred = false;
    this.#feed.intake.members.each((subscription) => this.settle(subscription));
  }

  /** Brings a member as far as possible without reading, and queues it for a page of the log if it needs one. */
  settle(subscription: Subscription): void {
    const cursor = subscription.behind;
    if (!cursor || cursor.isPaused || cursor.isQueued) return;
    if (!this.#feed.isReady) {
      this.#hasDeferred = true;
      return;
    }
    const { intake } = this.#feed;
    if (cursor.isNew && cursor.epoch === '' && intake.position) cursor.moveTo(startOf(intake, intake.position));
    const missed = cursor.epoch === intake.epoch ? intake.offset - cursor.offset : -1;
    // The cursor is in another epoch, or ahead of this node: only the log knows whether it can continue.
    if (missed < 0) this.#pages.enqueue(subscription, cursor);
    else if (missed === 0) this.#meet(subscription, cursor);
    else if (isTooMuch(this.#feed, cursor, missed)) this.#giveUp(subscription, cursor);
    else if (intake.kind === 'latest') this.#pushLatest(subscription, cursor);
    else this.#pushMissed(subscription, cursor);
  }

  #meet(subscription: Subscription, cursor: Cursor): void {
    const { intake } = this.#feed;
    this.#tell(subscription, cursor);
    if (subscription.behind !== cursor) return;
    const isThere = cursor.epoch === intake.epoch && cursor.offset === intake.offset;
    if (isThere) subscription.behind = undefined;
    // A callback of the member has published to this room, before it returned.
    else this.#pages.enqueue(subscription, cursor);
  }

  #giveUp(subscription: Subscription, cursor: Cursor): void {
    const { position } = this.#feed.intake;
    if (!position) return;
    tellBroken(subscription, cursor, position, 'too-many');
    this.#meet(subscription, cursor);
  }

  #pushLatest(subscription: Subscription, cursor: Cursor): void {
    const { newest } = this.#feed.intake.ring;
    if (newest) {
      this.#tell(subscription, cursor);
      if (pushOne(subscription, cursor, newest)) this.#meet(subscription, cursor);
    } else {
      this.#pages.enqueue(subscription, cursor);
    }
  }

  #pushMissed(subscription: Subscription, cursor: Cursor): void {
    const { intake, policy } = this.#feed;
    if (cursor.isSlow && policy.slow === 'skip') this.#skip(subscription, cursor);
    if (cursor.offset < intake.offset && !intake.ring.covers(cursor.offset)) {
      this.#pages.enqueue(subscription, cursor);
      return;
    }
    this.#tell(subscription, cursor);
    for (let next = intake.ring.after(cursor.offset); next; next = intake.ring.after(cursor.offset)) {
      if (!pushOne(subscription, cursor, next)) return;
    }
    this.#meet(subscription, cursor);
  }

  /** Moves the cursor to the beginning of the ring. */
  #skip(subscription: Subscription, cursor: Cursor): void {
    const { epoch, offset: top, ring } = this.#feed.intake;
    const offset = ring.oldest ? ring.oldest.offset - 1 : top;
    const dropped = offset - cursor.offset;
    if (dropped <= 0) return;
    this.#counts.skipped += dropped;
    cursor.moveTo({ epoch, offset });
    subscription.member.skipped(subscription, { epoch, offset }, dropped);
  }

  #tell(subscription: Subscription, cursor: Cursor): void {
    if (!cursor.isTold) tellRecovered(subscription, cursor, this.#feed.intake.offset, 0);
  }
}

/** Whether a member that resumes has missed more than `maxRecovered`. */
export function isTooMuch({ policy, intake }: CatchUpFeed, cursor: Cursor, missed: number): boolean {
  return intake.kind === 'log' && !cursor.isTold && missed > policy.maxRecovered;
}

/** A new member of a `latest` room starts with the newest item; in other rooms with the next publication. */
function startOf({ kind }: Intake, { epoch, offset }: Position): Position {
  return { epoch, offset: kind === 'latest' ? Math.max(0, offset - 1) : offset };
}
