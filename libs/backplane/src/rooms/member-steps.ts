import type { Position, Publication } from '../contract/position.js';
import type { Cursor } from './cursor.js';
import type { BreakReason, Subscription } from './subscription.js';

/*
 * Calls to a member that is not live. During each of them the subscription may end: then its cursor is gone afterwards.
 */

/** Tells a member that it gets everything after its cursor. */
export function tellRecovered(subscription: Subscription, cursor: Cursor, top: number, undone: number): void {
  // A new member has seen none of the publications that were undone.
  const seenUndone = cursor.isNew && !cursor.isTold ? 0 : undone;
  cursor.isTold = true;
  subscription.member.joined(subscription, { recovered: true, position: cursor.position, top, undone: seenUndone });
}

/** Moves the cursor to the top, and tells the member why it does not get what is before it. */
export function tellBroken(subscription: Subscription, cursor: Cursor, top: Position, reason: BreakReason): void {
  cursor.isTold = true;
  cursor.moveTo(top);
  const position = { epoch: top.epoch, offset: top.offset };
  subscription.member.joined(subscription, { recovered: false, position, top: top.offset, reason });
}

/** @returns whether the member accepted it and is still catching up */
export function pushOne(subscription: Subscription, cursor: Cursor, publication: Publication): boolean {
  if (subscription.behind !== cursor) return false;
  if (!subscription.member.push(subscription, publication)) {
    cursor.pause();
    return false;
  }
  cursor.offset = publication.offset;
  cursor.isSlow = false;
  return subscription.behind === cursor;
}

/** Pushes the items of a page that are after the cursor, as long as the member accepts them. */
export function pushPage(subscription: Subscription, cursor: Cursor, items: readonly Publication[]): void {
  for (const item of items) {
    if (item.offset > cursor.offset && !pushOne(subscription, cursor, item)) return;
  }
}
