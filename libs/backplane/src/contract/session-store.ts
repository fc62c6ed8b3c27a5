import type { Position } from './position.js';

/**
 * Proof of ownership of a session. Each claim raises the fence; the owner presents the lease with every write.
 *
 * @publicApi
 */
export interface Lease {
  /** Id of the session. */
  readonly id: string;
  /** The node that owns the session. */
  readonly node: string;
  readonly fence: number;
}

/**
 * Membership of a session in one room.
 *
 * @publicApi
 */
export interface Membership {
  /** Position at which the session joined; null in a room without history. */
  readonly at: Position | null;
  /** Who requested the membership. */
  readonly by: 'server' | 'client';
}

/** @publicApi */
export interface Session {
  readonly lease: Lease;
  readonly principal: string;
  readonly rooms: ReadonlyMap<string, Membership>;
}

/** @publicApi */
export interface NewSession {
  /** MUST be unguessable: a client that presents the id and has the same principal takes the session over. */
  readonly id: string;
  readonly principal: string;
  /** The node that owns it. */
  readonly node: string;
  /** Milliseconds for which it is kept after its last use. */
  readonly idleMs: number;
}

/**
 * Rooms that a session joins and leaves, in one step.
 *
 * @publicApi
 */
export interface RoomChange {
  readonly join?: ReadonlyMap<string, Membership>;
  readonly leave?: readonly string[];
}

/** @publicApi */
export interface Claimed {
  readonly session: Session;
  /** The node that owned the session until this claim; null: the session had been released. */
  readonly before: string | null;
}

/**
 * Stores the sessions of clients: which node owns a session, and which rooms it is a member of. In addition to MUSTs
 * 4, 5, 7, 8 and 10 of {@link Backplane}, every engine promises:
 *
 * 1. Each call MUST be atomic. Concurrent claims MUST get distinct, rising fences, and exactly one of them, the one
 *   with the highest fence, owns the session afterwards.
 * 2. A write with an older fence MUST be rejected (`FENCED`, outcome `none`) and MUST leave no trace. The same holds
 *   for a lease that was released, and for a session that has ended or expired.
 * 3. A claim MUST delete nothing, so that a claim whose reply was lost can be repeated.
 * 4. A claim by another principal MUST change nothing.
 * 5. A change that has resolved MUST be seen by every later claim.
 * 6. A session MUST be kept for `idleMs` after it was created, claimed, changed or touched, and for `resumableMs` after
 *   it was released. After that it MUST be forgotten.
 *
 * @publicApi
 */
export interface SessionStore {
  /** @throws BackplaneError `REFUSED` when there is a session with that id */
  create(session: NewSession): Promise<Lease>;
  /**
   * Takes a session over.
   *
   * @returns `unknown`: there is no such session, or it has expired; `foreign`: it belongs to another principal
   */
  claim(id: string, principal: string, node: string): Promise<Claimed | 'unknown' | 'foreign'>;
  /**
   * Joins and leaves rooms. Report the change to the client only after this has resolved.
   *
   * @throws BackplaneError `FENCED`
   */
  change(lease: Lease, change: RoomChange): Promise<void>;
  /**
   * Gives the session up when its connection has ended. It can be claimed for `resumableMs`. Without a release, because
   * the node crashed, it can be claimed for `idleMs` after its last use.
   *
   * @throws BackplaneError `FENCED`
   */
  release(lease: Lease, resumableMs: number): Promise<void>;
  /**
   * Keeps sessions from expiring.
   *
   * @returns the leases that are no longer valid
   */
  touch(leases: readonly Lease[]): Promise<readonly Lease[]>;
  /** Deletes a session, whichever node owns it. */
  end(id: string): Promise<void>;
}
