import type { Type } from '@nestjs/common';
import { CloseCode } from '@holdfast/protocol';
import type { Connection } from './connection.js';
import type { ConnectionIndex, RegistryEvents, RegistryListener } from './connection-index.js';

/**
 * Every connection of this process, found by id, principal, gateway or tag in constant time. Inject it anywhere.
 *
 * The sets that it gives are live views: they show at any time who belongs to them then, also where that is nobody at
 * first. Iterating is safe while connections come and go: one that leaves is not visited any more, one that joins may
 * be.
 *
 * @publicApi
 */
export class ConnectionRegistry implements Iterable<Connection> {
  readonly #index: ConnectionIndex;

  /** @internal */
  constructor(index: ConnectionIndex) {
    this.#index = index;
  }

  /** How many connections there are, in whatever state. */
  get size(): number {
    return this.#index.byId.size;
  }

  [Symbol.iterator](): MapIterator<Connection> {
    return this.#index.byId.values();
  }

  get(id: string): Connection | undefined {
    return this.#index.byId.get(id);
  }

  /** Connections of one identity, see {@link Principal.subject}. A live view. */
  ofPrincipal(subject: string): ReadonlySet<Connection> {
    return this.#index.byPrincipal.get(subject);
  }

  /** Connections admitted to a gateway. Gateways that share a path share their connections. A live view. */
  ofGateway(gateway: Type): ReadonlySet<Connection> {
    return this.#index.byKey.get(gateway);
  }

  /** Connections tagged with {@link Connection.tag}. A live view. */
  withTag(tag: string): ReadonlySet<Connection> {
    return this.#index.byTag.get(tag);
  }

  /**
   * Closes every connection of an identity, for instance when its rights were withdrawn. This includes those that are
   * still arriving: a handshake whose guards are still at work is refused with 403 `FORBIDDEN` and `reason`, and a
   * connection whose token {@link AuthGuard} is verifying at that moment ends as soon as it turns out to be of this
   * identity.
   *
   * A token that is presented afterwards is verified as ever: to keep its owner out is up to guards and authenticator.
   *
   * @param code - default 4410 `REVOKED`, which tells clients not to reconnect.
   * @returns how many it closed or refused; neither those that were ending already nor those that are being verified
   *   are among them.
   */
  disconnectPrincipal(subject: string, code: number = CloseCode.REVOKED, reason = 'access was withdrawn'): number {
    this.#index.verifications.withdraw(subject, { code, reason });
    const found = [...this.ofPrincipal(subject), ...this.#index.arriving.get(subject)];
    const open = found.filter(({ state }) => state === 'admitting' || state === 'open');
    for (const connection of open) connection.close(code, reason);
    return open.length;
  }

  /**
   * Calls `listener` on every event of a kind. An error it throws, or rejects with, is logged and disturbs nobody.
   *
   * @returns a function that ends the subscription.
   */
  on<E extends keyof RegistryEvents>(event: E, listener: RegistryListener<E>): () => void {
    return this.#index.on(event, listener);
  }
}
