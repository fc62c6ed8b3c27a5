import type { Claimed, Lease, NewSession, RoomChange, SessionStore } from '../contract/session-store.js';
import { promised } from './promised.js';
import type { SessionRecords } from './session-records.js';

/** The session store of one node. */
export class MemorySessionStore implements SessionStore {
  readonly #records: () => SessionRecords;

  /** @param records - throws while the node is not started */
  constructor(records: () => SessionRecords) {
    this.#records = records;
  }

  create(session: NewSession): Promise<Lease> {
    return promised(() => this.#records().create(session));
  }

  claim(id: string, principal: string, node: string): Promise<Claimed | 'unknown' | 'foreign'> {
    return promised(() => this.#records().claim(id, principal, node));
  }

  change(lease: Lease, change: RoomChange): Promise<void> {
    return promised(() => this.#records().change(lease, change));
  }

  release(lease: Lease, resumableMs: number): Promise<void> {
    return promised(() => this.#records().release(lease, resumableMs));
  }

  touch(leases: readonly Lease[]): Promise<readonly Lease[]> {
    return promised(() => this.#records().touch(leases));
  }

  end(id: string): Promise<void> {
    return promised(() => this.#records().end(id));
  }
}
