import type { Claimed, Lease, NewSession, RoomChange, SessionStore } from '@holdfast/backplane';
import type { FaultyWire } from './faulty-wire.js';

/** A session store with faults between the store and one node. */
export class FaultySessions implements SessionStore {
  readonly #inner: SessionStore;
  readonly #wire: FaultyWire;

  constructor(inner: SessionStore, wire: FaultyWire) {
    this.#inner = inner;
    this.#wire = wire;
  }

  create(session: NewSession): Promise<Lease> {
    return this.#wire.call('session', () => this.#inner.create(session));
  }

  claim(id: string, principal: string, node: string): Promise<Claimed | 'unknown' | 'foreign'> {
    return this.#wire.call('session', () => this.#inner.claim(id, principal, node));
  }

  change(lease: Lease, change: RoomChange): Promise<void> {
    return this.#wire.call('session', () => this.#inner.change(lease, change));
  }

  release(lease: Lease, resumableMs: number): Promise<void> {
    return this.#wire.call('session', () => this.#inner.release(lease, resumableMs));
  }

  touch(leases: readonly Lease[]): Promise<readonly Lease[]> {
    return this.#wire.call('session', () => this.#inner.touch(leases));
  }

  end(id: string): Promise<void> {
    return this.#wire.call('session', () => this.#inner.end(id));
  }
}
