import type { BackplaneError } from '../contract/backplane-error.js';
import type { Position, Publication } from '../contract/position.js';
import type { Cursor } from './cursor.js';
import type { RoomPolicy } from './room-policy.js';

/**
 * Why a member does not get what it missed. `epoch`, `trimmed` and `future`: see `ReadResult`. `too-many`: see
 * {@link RoomPolicy.maxRecovered}.
 *
 * @publicApi
 */
export type BreakReason = 'epoch' | 'trimmed' | 'future' | 'too-many';

/**
 * The position of a member from now on. The publications that are pushed afterwards follow it without a hole; in
 * `latest` rooms older ones may be left out.
 *
 * `recovered: true`: the member misses nothing after the position that it presented or had reached. The engine has lost
 * `undone` publications before that position, which the member may have seen.
 *
 * `recovered: false`: the member misses publications, for this reason.
 *
 * @publicApi
 */
export type Joined =
  | {
      readonly recovered: true;
      /** null in a room without history. */
      readonly position: Position | null;
      /** The offset of the room at this moment: publications up to it are those that the member has missed. */
      readonly top: number;
      readonly undone: number;
    }
  | { readonly recovered: false; readonly position: Position; readonly top: number; readonly reason: BreakReason };

/**
 * A member of rooms, usually a connection. One object serves all subscriptions of a connection. The methods MUST NOT
 * throw, and what they send MUST reach the client in the order of the calls.
 *
 * @publicApi
 */
export interface Member {
  /**
   * The result of a join. Called again whenever the log is continued in another epoch, or cannot be continued for this
   * member. It MUST be accepted.
   */
  joined(subscription: Subscription, joined: Joined): void;
  /**
   * The next publication of the room. All members on this node get the same object, so that it can be encoded once.
   *
   * @returns false: the member does not accept it, because it is congested. Nothing is pushed until {@link
   *   Subscription.resume}; then this publication comes first. In ephemeral rooms it is lost, and the next one is
   *   pushed as usual.
   */
  push(subscription: Subscription, publication: Publication): boolean;
  /**
   * The member is at this position now and does not get the `dropped` publications before it, see {@link
   * RoomPolicy.slow}. It MUST be accepted.
   */
  skipped(subscription: Subscription, position: Position, dropped: number): void;
  /** The engine is not available: publications are delayed. In ephemeral rooms those of other nodes are lost. */
  degraded(subscription: Subscription, cause: BackplaneError): void;
  /**
   * The engine is available again. A live member has got everything that was delayed before this call, or a `joined`;
   * any other member catches up afterwards.
   */
  restored(subscription: Subscription): void;
}

/** Owner of a subscription. */
export interface SubscriptionOwner {
  readonly room: string;
  readonly policy: RoomPolicy;
  readonly position: Position | null;
  resume(subscription: Subscription): void;
  leave(subscription: Subscription): void;
}

/**
 * The membership of one member in one room, created by `RoomHub.join`.
 *
 * @publicApi
 */
export class Subscription {
  readonly member: Member;
  readonly #owner: SubscriptionOwner;
  /** The cursor of a member that is not live; a live member has the position of the feed. @internal */
  behind: Cursor | undefined;
  /** Index in the member list of the room; -1 after it has left. @internal */
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

  /** Whether publications are pushed as they arrive. Otherwise the member is joining, catching up or congested. */
  get isLive(): boolean {
    return this.behind === undefined && this.place >= 0;
  }

  /** Position of the last publication that the member has got; null before the join, and in a room without history. */
  get position(): Position | null {
    return this.behind ? this.behind.position : this.#owner.position;
  }

  /** Call it when the member accepts publications again. Does nothing if the member had accepted all of them. */
  resume(): void {
    if (this.behind?.isPaused === true) this.#owner.resume(this);
  }

  /** Leaves the room. The member is not called for this subscription any more. A second call does nothing. */
  leave(): void {
    if (this.place >= 0) this.#owner.leave(this);
  }
}
