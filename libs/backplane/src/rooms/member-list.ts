import type { Position, Publication } from '../contract/position.js';
import { Cursor } from './cursor.js';
import type { Subscription } from './subscription.js';

/**
 * The members of a room on this node. Members may join and leave at any time, also during a call to a member: no member
 * is then called twice, left out, or called after it has left.
 */
export class MemberList {
  #subscriptions: Subscription[] = [];
  #size = 0;
  /** Number of running {@link each} and {@link push} calls. Meanwhile no subscription changes its place. */
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

  /** Visits the present members. Members that join meanwhile are not visited. */
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
   * Pushes a publication to all live members. A member that does not accept it is not live any more.
   *
   * @param before - the position of the live members until now; null in a room without positions, where all stay live
   * @returns how many members did not accept it
   */
  push(publication: Publication, before: Position | null): number {
    const subscriptions = this.#begin();
    const { length } = subscriptions;
    let refused = 0;
    for (let place = 0; place < length; place++) {
      // There is a subscription at each place below the length: none is removed while this runs.
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
