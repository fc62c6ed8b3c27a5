import { BackplaneError } from '../contract/backplane-error.js';
import type { Claimed, Lease, Membership, NewSession, RoomChange } from '../contract/session-store.js';
import { Rotation } from '../log/rotation.js';
import type { Clock } from '../ports/clock.js';

interface SessionRecord {
  readonly principal: string;
  readonly idleMs: number;
  readonly rooms: Map<string, Membership>;
  /** null: released. */
  node: string | null;
  fence: number;
  expiresAt: number;
}

/** The sessions of all nodes of this process. */
export class SessionRecords {
  readonly #records = new Map<string, SessionRecord>();
  readonly #rotation = new Rotation(this.#records);
  readonly #clock: Clock;
  readonly #maxSessions: number;
  readonly #stored: () => void;

  /** @param stored - called when there is something that can expire. */
  constructor(clock: Clock, maxSessions: number, stored: () => void) {
    this.#clock = clock;
    this.#maxSessions = maxSessions;
    this.#stored = stored;
  }

  /** Number of sessions. */
  get size(): number {
    return this.#records.size;
  }

  create({ id, principal, node, idleMs }: NewSession): Lease {
    if (this.#find(id)) throw refusal('REFUSED', 'There is a session with this id already');
    if (this.#records.size >= this.#maxSessions) {
      throw refusal('FULL', `There are ${this.#maxSessions} sessions; let them end sooner, or raise maxSessions`);
    }
    const expiresAt = this.#clock.now() + idleMs;
    this.#records.set(id, { principal, idleMs, node, fence: 1, rooms: new Map(), expiresAt });
    this.#stored();
    return { id, node, fence: 1 };
  }

  claim(id: string, principal: string, node: string): Claimed | 'unknown' | 'foreign' {
    const record = this.#find(id);
    if (!record) return 'unknown';
    if (record.principal !== principal) return 'foreign';
    const before = record.node;
    record.node = node;
    record.fence++;
    this.#renew(record);
    const lease = { id, node, fence: record.fence };
    return { session: { lease, principal, rooms: new Map(record.rooms) }, before };
  }

  change(lease: Lease, { join, leave }: RoomChange): void {
    const record = this.#owned(lease);
    for (const room of leave ?? []) record.rooms.delete(room);
    for (const [room, membership] of join ?? []) record.rooms.set(room, membership);
    this.#renew(record);
  }

  release(lease: Lease, resumableMs: number): void {
    const record = this.#owned(lease);
    record.node = null;
    record.expiresAt = this.#clock.now() + resumableMs;
  }

  touch(leases: readonly Lease[]): Lease[] {
    return leases.filter((lease) => {
      const record = this.#find(lease.id);
      if (!record || !isOwner(record, lease)) return true;
      this.#renew(record);
      return false;
    });
  }

  end(id: string): void {
    this.#records.delete(id);
  }

  /** Removes expired sessions, among the next `share` of all sessions. */
  sweep(share: number): void {
    for (const [id] of this.#rotation.next(share)) this.#find(id);
  }

  #find(id: string): SessionRecord | undefined {
    const record = this.#records.get(id);
    if (!record || record.expiresAt > this.#clock.now()) return record;
    this.#records.delete(id);
    return undefined;
  }

  #owned(lease: Lease): SessionRecord {
    const record = this.#find(lease.id);
    if (!record) throw refusal('FENCED', 'The session has ended or expired');
    if (isOwner(record, lease)) return record;
    throw refusal('FENCED', 'The session was released or belongs to another connection now');
  }

  #renew(record: SessionRecord): void {
    record.expiresAt = this.#clock.now() + record.idleMs;
  }
}

function isOwner({ node, fence }: SessionRecord, lease: Lease): boolean {
  return node === lease.node && fence === lease.fence;
}

function refusal(code: 'REFUSED' | 'FULL' | 'FENCED', message: string): BackplaneError {
  return new BackplaneError('session', code, 'none', message);
}
