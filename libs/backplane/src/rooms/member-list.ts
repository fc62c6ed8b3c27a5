import type { Position, Publication } from '../contract/position.js';
import { Cursor } from './cursor.js';
import type { Subscription } from './subscription.js';

/**
 * The members of a room on this node. Members join and leave at any time, also from within a call to one of them: nobody
 * is called twice, left out, or called after it has left.
 */
export class MemberList {
  #subscriptions: Subscription[] = [];
  #size = 0;
  /** Calls to {@link each} and {@link push} that are under way; meanwhile nobody changes place. */
  #walks = 0;
  #hasGaps = false;

  get size(): number {
    return this.#size;
  }

  add(subscription: Subscription): void {
    subscription.place = this.#subscriptions.length;
    this.#subscriptions.push(subscription);
    this.#size++;
  }

  remove(subscription: Subscription): void {
    const { place } = subscription;
    subscription.place = -1;
    subscription.behind = undefined;
    this.#size--;
    if (this.#walks > 0) {
      this.#hasGaps = true;
      return;
    }
    const last = this.#subscriptions.pop();
    if (last === undefined || last === subscription) return;
    this.#subscriptions[place] = last;
    last.place = place;
  }

  /** Those who are members now; who joins meanwhile is not visited. */
  each(visit: (subscription: Subscription) => void): void {
    const subscriptions = this.#begin();
    const { length } = subscriptions;
    for (let place = 0; place < length; place++) {
      const subscription = subscriptions[place] as Subscription;
      if (subscription.place >= 0) visit(subscription);
    }
    this.#end();
  }

  /**
   * To all that are live.
   *
   * @param before - where they are; one that does not take it stays there. null: in a room without positions
   * @returns how many did not take it
   */
  push(publication: Publication, before: Position | null): number {
    const subscriptions = this.#begin();
    const { length } = subscriptions;
    let refused = 0;
    for (let place = 0; place < length; place++) {
      // Places below the length are taken: while this runs, nothing is removed.
      const subscription = subscriptions[place] as Subscription;
      if (subscription.behind !== undefined || subscription.place < 0) continue;
      if (subscription.member.push(subscription, publication)) continue;
      refused++;
      if (before && subscription.place >= 0) subscription.behind = Cursor.ofSlowMember(before);
    }
    this.#end();
    return refused;
  }

  *[Symbol.iterator](): Iterator<Subscription> {
    for (const subscription of this.#subscriptions) if (subscription.place >= 0) yield subscription;
  }

  #begin(): readonly Subscription[] {
    this.#walks++;
    return this.#subscriptions;
  }

  #end(): void {
    this.#walks--;
    if (this.#walks > 0 || !this.#hasGaps) return;
    this.#hasGaps = false;
    this.#subscriptions = this.#subscriptions.filter(({ place }) => place >= 0);
    for (const [place, subscription] of this.#subscriptions.entries()) subscription.place = place;
  }
}
