import type { Position, Publication } from '../contract/position.js';
import type { Cursor } from './cursor.js';
import type { BreakReason, Subscription } from './subscription.js';

/*
 * What is done to a member that is not live. Any call to a member may end its subscription, or bring it elsewhere; then its
 * cursor is another one or none.
 */

/** It is at `cursor` and gets everything from there on. */
export function tellRecovered(subscription: Subscription, cursor: Cursor, top: number, undone: number): void {
  // To somebody who has seen nothing, nothing was undone.
  const seenUndone = cursor.isNew && !cursor.isTold ? 0 : undone;
  cursor.isTold = true;
  subscription.member.joined(subscription, { recovered: true, position: cursor.position, top, undone: seenUndone });
}

/** It goes on at `top`, and does not get what came before. */
export function tellBroken(subscription: Subscription, cursor: Cursor, top: Position, reason: BreakReason): void {
  cursor.isTold = true;
  cursor.moveTo(top);
  const position = { epoch: top.epoch, offset: top.offset };
  subscription.member.joined(subscription, { recovered: false, position, top: top.offset, reason });
}

/** @returns whether it wants more. */
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

/** What of a page it does not have yet. */
export function pushPage(subscription: Subscription, cursor: Cursor, items: readonly Publication[]): void {
  for (const item of items) {
    if (item.offset > cursor.offset && !pushOne(subscription, cursor, item)) return;
  }
}
