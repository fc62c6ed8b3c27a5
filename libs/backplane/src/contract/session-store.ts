import type { Position } from './position.js';

/**
 * Proof of who owns a session. Each claim raises the fence, and the owner presents it with every write.
 *
 * @publicApi
 */
export interface Lease {
  /** Of the session. */
  readonly id: string;
  readonly node: string;
  readonly fence: number;
}

/**
 * One room of a session.
 *
 * @publicApi
 */
export interface Membership {
  /** Where the session joined; null in a room without history. */
  readonly at: Position | null;
  /** Who asked for it. */
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
  /** Unguessable: whoever knows it, and is the principal, owns the session. */
  readonly id: string;
  readonly principal: string;
  /** The node that owns it. */
  readonly node: string;
  /** How long it is kept after it was last used. */
  readonly idleMs: number;
}

/** What a session joins and leaves. @publicApi */
export interface RoomChange {
  readonly join?: ReadonlyMap<string, Membership>;
  readonly leave?: readonly string[];
}

/** @publicApi */
export interface Claimed {
  readonly session: Session;
  /** The node that owned it until now; null: it was released. */
  readonly before: string | null;
}

/**
 * Sessions of clients: who owns them, and of which rooms they are members. What every engine promises, in addition to
 * {@link Backplane} 4, 5, 7, 8 and 10:
 *
 * 1. One call MUST be one step: of concurrent claims exactly one is the last, and the fences of all are distinct and rising.
 * 2. A write with an older fence MUST be refused (`FENCED`, outcome `none`), and nothing of that call MUST remain. The
 *    same holds for a lease that was released and for a session that has ended or expired.
 * 3. A claim MUST delete nothing, so that one whose answer was lost can be repeated.
 * 4. A claim by another principal MUST change nothing.
 * 5. What is promised MUST be stored: a change that has resolved is seen by every later claim.
 * 6. A session MUST be kept for `idleMs` after it was created, claimed, changed or touched, and for `resumableMs` after
 *    it was released; it MUST be forgotten soon after that.
 *
 * @publicApi
 */
export interface SessionStore {
  /** @throws BackplaneError `REFUSED` when there is a session with that id. */
  create(session: NewSession): Promise<Lease>;
  /** Takes a session over. `unknown`: there is none, or it has expired. `foreign`: it belongs to another principal. */
  claim(id: string, principal: string, node: string): Promise<Claimed | 'unknown' | 'foreign'>;
  /** Adds and removes rooms in one step. Tell the client only after it has resolved. */
  change(lease: Lease, change: RoomChange): Promise<void>;
  /** The connection has ended; the session can be claimed for so long. A node that crashes does it no later than `idleMs`. */
  release(lease: Lease, resumableMs: number): Promise<void>;
  /** Keeps sessions from expiring. @returns those of these leases that are no longer valid. */
  touch(leases: readonly Lease[]): Promise<readonly Lease[]>;
  /** Forgets a session, whoever owns it. */
  end(id: string): Promise<void>;
}
