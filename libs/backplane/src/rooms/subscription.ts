import type { BackplaneError } from '../contract/backplane-error.js';
import type { Position, Publication } from '../contract/position.js';
import type { Cursor } from './cursor.js';
import type { RoomPolicy } from './room-policy.js';

/**
 * Why a member does not get what it missed: three reasons of `ReadResult`, and `too-many`, see {@link RoomPolicy.maxRecovered}.
 *
 * @publicApi
 */
export type BreakReason = 'epoch' | 'trimmed' | 'future' | 'too-many';

/**
 * Where a member stands from now on. Every later publication of the room is the next one after `position`, except in
 * `latest` rooms, where some may be left out.
 *
 * Recovered: nothing after the position that the member presented or had reached is missing, less `undone` publications
 * that it may have seen and that the engine has lost. Not recovered: publications are missing, for that reason.
 *
 * @publicApi
 */
export type Joined =
  | {
      readonly recovered: true;
      /** null in a room without history. */
      readonly position: Position | null;
      /** The newest offset at this moment; up to it, publications follow that were missed. */
      readonly top: number;
      readonly undone: number;
    }
  | { readonly recovered: false; readonly position: Position; readonly top: number; readonly reason: BreakReason };

/**
 * Somebody who is in rooms: one object per connection serves all its subscriptions. Calls MUST NOT throw, and what they
 * write MUST reach the client in the order of the calls.
 *
 * @publicApi
 */
export interface Member {
  /**
   * The first answer to a join, and the notice that the room goes on elsewhere: after a fork with what was undone, after
   * a break with its reason. It is always taken.
   */
  joined(subscription: Subscription, joined: Joined): void;
  /**
   * The next publication of the room. The same object for all members of this node, so that it can be encoded once.
   *
   * @returns whether it was taken. Otherwise nothing more is pushed until {@link Subscription.resume}, and nothing is lost
   *   but in ephemeral rooms.
   */
  push(subscription: Subscription, publication: Publication): boolean;
  /** In `skip` rooms: the member is at this position now, and will not get the `dropped` publications before it. It is always taken. */
  skipped(subscription: Subscription, position: Position, dropped: number): void;
  /** The engine cannot be reached: publications are late, and in ephemeral rooms those of other nodes are lost. */
  degraded(subscription: Subscription, cause: BackplaneError): void;
  /** The room is delivered again. What was missed meanwhile, or a `joined`, has come before this, or comes when the member has caught up. */
  restored(subscription: Subscription): void;
}

/** Whom a subscription belongs to. */
export interface SubscriptionOwner {
  readonly room: string;
  readonly policy: RoomPolicy;
  readonly position: Position | null;
  resume(subscription: Subscription): void;
  leave(subscription: Subscription): void;
}

/**
 * One member in one room. Made by `RoomHub.join`.
 *
 * @publicApi
 */
export class Subscription {
  readonly member: Member;
  readonly #owner: SubscriptionOwner;
  /** Where the member stands while it is not live; a live one stands where its feed does. @internal */
  behind: Cursor | undefined;
  /** Its place among the members of the room; -1: it has left. @internal */
  place = -1;

  /** @internal */
  constructor(owner: SubscriptionOwner, member: Member, behind: Cursor) {
    this.#owner = owner;
    this.member = member;
    this.behind = behind;
  }

  get room(): string {
    return this.#owner.room;
  }

  get policy(): RoomPolicy {
    return this.#owner.policy;
  }

  /** Whether publications are pushed as they come. Otherwise the member has not joined yet, catches up, or is congested. */
  get isLive(): boolean {
    return this.behind === undefined && this.place >= 0;
  }

  /** Of the last publication that was pushed; null where there is none: before the join, and in rooms without history. */
  get position(): Position | null {
    return this.behind ? this.behind.position : this.#owner.position;
  }

  /** The member takes publications again after one was not taken. Costs nothing when none was refused. */
  resume(): void {
    if (this.behind?.isPaused === true) this.#owner.resume(this);
  }

  /** Ends it. Nothing is called for it any more; a second call does nothing. */
  leave(): void {
    if (this.place >= 0) this.#owner.leave(this);
  }
}
