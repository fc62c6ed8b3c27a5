import { Injectable, type Type } from '@nestjs/common';
import { CloseCode } from '@holdfast/protocol';
import { BoundedLog } from '../ground/bounded-log.js';
import type { DrainReport } from './drain-report.js';
import type { Principal } from './principal.js';
import type { Connection } from './connection.js';
import type { StateChange } from './connection-state.js';
import { SetIndex } from '../ground/set-index.js';
import { type Closable, Verifications, type Verification } from './verifications.js';

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
  /** The application is shutting down, and everybody has been said goodbye to. */
  drained: [report: DrainReport];
}

/** What it returns is of no interest, but for the rejection of an async one. */
type Listener<E extends keyof RegistryEvents> = (...args: RegistryEvents[E]) => unknown;

/**
 * Every connection of this process, found by id, principal, gateway or tag in constant time. Inject it anywhere.
 *
 * Iterating is safe while connections come and go: one that leaves is not visited any more, one that joins may be.
 *
 * @publicApi
 */
@Injectable()
export class ConnectionRegistry implements Iterable<Connection> {
  readonly #byId = new Map<string, Connection>();
  readonly #byPrincipal = new SetIndex<string, Connection>();
  /** Those that are not in the registry yet, because guards of their handshake are still at work. */
  readonly #arriving = new SetIndex<string, Connection>();
  readonly #verifications = new Verifications();
  readonly #byGateway = new SetIndex<unknown, Connection>();
  readonly #byTag = new SetIndex<string, Connection>();
  readonly #listeners = new SetIndex<keyof RegistryEvents, Listener<never>>();
  readonly #log = new BoundedLog(ConnectionRegistry.name);

  /** How many connections there are, in whatever state. */
  get size(): number {
    return this.#byId.size;
  }

  [Symbol.iterator](): MapIterator<Connection> {
    return this.#byId.values();
  }

  get(id: string): Connection | undefined {
    return this.#byId.get(id);
  }

  /** Connections of one identity, see {@link Principal.subject}. */
  ofPrincipal(subject: string): ReadonlySet<Connection> {
    return this.#byPrincipal.get(subject);
  }

  /** Connections admitted to a gateway. Gateways that share a path share their connections. */
  ofGateway(gateway: Type): ReadonlySet<Connection> {
    return this.#byGateway.get(gateway);
  }

  /** Connections tagged with {@link Connection.tag}. */
  withTag(tag: string): ReadonlySet<Connection> {
    return this.#byTag.get(tag);
  }

  /**
   * Closes every connection of an identity, for instance when its rights were withdrawn. Those on their way in are not
   * forgotten: a handshake whose guards are still at work is refused with 403 `FORBIDDEN` and `reason`, and a connection
   * whose token {@link AuthGuard} is verifying at that moment ends as soon as it turns out to be of this identity.
   *
   * A token that is presented afterwards is verified as ever: to keep its owner out is up to guards and authenticator.
   *
   * @param code - default 4410 `REVOKED`, which tells clients not to come back.
   * @returns how many it closed or refused; neither those that were ending already nor those that are being verified are
   *   among them.
   */
  disconnectPrincipal(subject: string, code: number = CloseCode.REVOKED, reason = 'access was withdrawn'): number {
    this.#verifications.withdraw(subject, { code, reason });
    const found = [...this.ofPrincipal(subject), ...this.#arriving.get(subject)];
    const open = found.filter(({ state }) => state === 'admitting' || state === 'open');
    for (const connection of open) connection.close(code, reason);
    return open.length;
  }

  /**
   * Calls `listener` on every event of a kind. An error it throws, or rejects with, is logged and disturbs nobody.
   *
   * @returns a function that ends the subscription.
   */
  on<E extends keyof RegistryEvents>(event: E, listener: Listener<E>): () => void {
    this.#listeners.add(event, listener);
    return () => {
      this.#listeners.delete(event, listener);
    };
  }

  /** @internal */
  add(connection: Connection): void {
    this.#byId.set(connection.id, connection);
    const { principal } = connection;
    if (principal) {
      this.#arriving.delete(principal.subject, connection);
      this.#byPrincipal.add(principal.subject, connection);
    }
    for (const tag of connection.tags) this.#byTag.add(tag, connection);
    this.#notify('joined', connection);
  }

  /** @internal */
  admitted(connection: Connection, gateways: readonly unknown[]): void {
    for (const gateway of gateways) this.#byGateway.add(gateway, connection);
  }

  /** @internal */
  remove(connection: Connection, gateways: readonly unknown[]): void {
    if (!this.#byId.delete(connection.id)) return;
    for (const gateway of gateways) this.#byGateway.delete(gateway, connection);
    if (connection.principal) this.#byPrincipal.delete(connection.principal.subject, connection);
    for (const tag of connection.tags) this.#byTag.delete(tag, connection);
    this.#notify('left', connection);
  }

  /** @internal */
  drained(report: DrainReport): void {
    this.#notify('drained', report);
  }

  /** @internal */
  changed(connection: Connection, change: StateChange): void {
    if (change.to === 'closed') this.#forgetArrival(connection);
    // One that was refused at the handshake has never joined, and nobody has to hear how it ended.
    if (this.#byId.has(connection.id)) this.#notify('changed', connection, change);
  }

  /** @internal */
  principalChanged(connection: Connection, previous: Principal | undefined, current: Principal | undefined): void {
    if (previous?.subject === current?.subject) return;
    const index = this.#byId.has(connection.id) ? this.#byPrincipal : this.#arriving;
    if (previous) index.delete(previous.subject, connection);
    // A guard that nobody waits for any more may still find out who it was.
    if (current && connection.state !== 'closed') index.add(current.subject, connection);
  }

  /** Who this is, is being found out. @internal */
  verifying(peer: Closable): Verification {
    return this.#verifications.begin(peer);
  }

  /** @internal */
  tagged(connection: Connection, tag: string): void {
    if (this.#byId.has(connection.id)) this.#byTag.add(tag, connection);
  }

  /** @internal */
  untagged(connection: Connection, tag: string): void {
    this.#byTag.delete(tag, connection);
  }

  #forgetArrival(connection: Connection): void {
    this.#verifications.forget(connection);
    if (connection.principal) this.#arriving.delete(connection.principal.subject, connection);
  }

  #notify<E extends keyof RegistryEvents>(event: E, ...args: RegistryEvents[E]): void {
    // `on` files a listener under its own event only, so the arguments fit; the index cannot express that pairing.
    for (const listener of this.#listeners.get(event) as ReadonlySet<Listener<E>>) {
      void this.#call(event, listener, args);
    }
  }

  /** Runs as far as the first `await` of the listener before it returns. */
  async #call<E extends keyof RegistryEvents>(event: E, listener: Listener<E>, args: RegistryEvents[E]): Promise<void> {
    try {
      await listener(...args);
    } catch (error) {
      this.#log.error(`registry:${event}`, `A "${event}" listener of the ConnectionRegistry failed`, error);
    }
  }
}
