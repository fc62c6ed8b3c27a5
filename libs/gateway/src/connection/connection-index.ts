import { Injectable } from '@nestjs/common';
import { BoundedLog, SetIndex } from '../ground/index.js';
import type { Connection } from './connection.js';
import type { StateChange } from './connection-state.js';
import type { DrainReport } from './drain-report.js';
import { GatewayFeature } from './gateway-feature.js';
import type { Link, LinkObserver } from './link.js';
import type { Principal } from './principal.js';
import { Verifications } from './verifications.js';

/**
 * What the registry tells its listeners.
 *
 * @publicApi
 */
export interface RegistryEvents {
  /** The upgrade was accepted: the connection is in the registry, its hooks have not run yet. */
  joined: [connection: Connection];
  /** Any step in its life, see {@link StateChange}. */
  changed: [connection: Connection, change: StateChange];
  /** It has ended and is no longer in the registry. */
  left: [connection: Connection];
  /** The application is shutting down, and every connection has been closed. */
  drained: [report: DrainReport];
}

/** What it returns is ignored, but for the rejection of an async one. */
export type RegistryListener<E extends keyof RegistryEvents> = (...args: RegistryEvents[E]) => unknown;

/**
 * Every connection of this process, filed under what the registry finds it by. The registry is the view of it that
 * applications have.
 */
@Injectable()
@GatewayFeature('registry')
export class ConnectionIndex implements LinkObserver {
  readonly byId = new Map<string, Connection>();
  readonly byPrincipal = new SetIndex<string, Connection>();
  /** Those that are not in the registry yet, because guards of their handshake are still at work. */
  readonly arriving = new SetIndex<string, Connection>();
  /** By the keys of {@link LinkPlace}. */
  readonly byKey = new SetIndex<object, Connection>();
  readonly byTag = new SetIndex<string, Connection>();
  readonly #listeners = new Map<keyof RegistryEvents, Set<RegistryListener<never>>>();
  readonly #log = new BoundedLog('ConnectionRegistry');

  constructor(readonly verifications: Verifications) {}

  /** @returns a function that ends the subscription. */
  on<E extends keyof RegistryEvents>(event: E, listener: RegistryListener<E>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => {
      listeners.delete(listener);
    };
  }

  joined({ connection }: Link): void {
    this.byId.set(connection.id, connection);
    const { principal } = connection;
    if (principal) {
      this.arriving.delete(principal.subject, connection);
      this.byPrincipal.add(principal.subject, connection);
    }
    for (const tag of connection.tags) this.byTag.add(tag, connection);
    this.#notify('joined', connection);
  }

  admitted({ connection, place }: Link): void {
    // A listener may have ended it.
    if (!this.byId.has(connection.id)) return;
    for (const key of place.keys) this.byKey.add(key, connection);
  }

  changed({ connection }: Link, change: StateChange): void {
    if (change.to === 'closed') this.#forgetArrival(connection);
    // One that was refused at the handshake has never joined, and nobody has to hear how it ended.
    if (this.byId.has(connection.id)) this.#notify('changed', connection, change);
  }

  ended({ connection, place }: Link): void {
    if (!this.byId.delete(connection.id)) return;
    for (const key of place.keys) this.byKey.delete(key, connection);
    if (connection.principal) this.byPrincipal.delete(connection.principal.subject, connection);
    for (const tag of connection.tags) this.byTag.delete(tag, connection);
    this.#notify('left', connection);
  }

  principalChanged({ connection, state }: Link, previous: Principal | undefined): void {
    const current = connection.principal;
    if (previous?.subject === current?.subject) return;
    const index = this.byId.has(connection.id) ? this.byPrincipal : this.arriving;
    if (previous) index.delete(previous.subject, connection);
    // A guard that nobody waits for any more may still find out who it was.
    if (current && state !== 'closed') index.add(current.subject, connection);
  }

  tagged({ connection }: Link, tag: string): void {
    if (this.byId.has(connection.id)) this.byTag.add(tag, connection);
  }

  untagged({ connection }: Link, tag: string): void {
    this.byTag.delete(tag, connection);
  }

  drained(report: DrainReport): void {
    this.#notify('drained', report);
  }

  #forgetArrival(connection: Connection): void {
    this.verifications.forget(connection);
    if (connection.principal) this.arriving.delete(connection.principal.subject, connection);
  }

  #notify<E extends keyof RegistryEvents>(event: E, ...args: RegistryEvents[E]): void {
    // `on` files a listener under its own event only, so the arguments fit; the map cannot express that pairing.
    const listeners = this.#listeners.get(event) as ReadonlySet<RegistryListener<E>> | undefined;
    for (const listener of listeners ?? []) {
      void this.#call(event, listener, args);
    }
  }

  /** Runs as far as the first `await` of the listener before it returns. */
  async #call<E extends keyof RegistryEvents>(
    event: E,
    listener: RegistryListener<E>,
    args: RegistryEvents[E],
  ): Promise<void> {
    try {
      await listener(...args);
    } catch (error) {
      this.#log.error(`registry:${event}`, `A "${event}" listener of the ConnectionRegistry failed`, error);
    }
  }
}
