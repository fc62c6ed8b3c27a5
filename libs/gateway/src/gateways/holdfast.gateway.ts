import type { IncomingMessage } from 'node:http';
import { Inject, type Type } from '@nestjs/common';
import type { OnGatewayConnection, OnGatewayDisconnect } from '@nestjs/websockets';
import { type Connection, ConnectionRegistry, type DisconnectCause } from '../connection/index.js';

/**
 * An optional base for gateways: typed access to connections, and hooks that say what they are for. A plain
 * `@WebSocketGateway()` class works just as well.
 *
 * @typeParam Data - what this gateway keeps with a connection, see {@link Connection.data}.
 * @publicApi
 */
export abstract class HoldfastGateway<Data extends object = Record<string, unknown>>
  implements OnGatewayConnection, OnGatewayDisconnect
{
  @Inject(ConnectionRegistry)
  protected readonly registry: ConnectionRegistry;

  /**
   * Runs during the handshake, after the guards. What it throws refuses the client: before the 101 where it is a plain
   * one.
   */
  onHandshake?(connection: Connection<Data>, request: IncomingMessage): void | Promise<void>;

  /** Runs once the client is connected; its messages wait until it has finished. What it throws ends the connection. */
  onConnect?(connection: Connection<Data>): void | Promise<void>;

  /** Runs once the connection has ended. A shutdown waits for it. */
  onDisconnect?(connection: Connection<Data>, cause: DisconnectCause): void | Promise<void>;

  /**
   * Runs when the application begins to shut down, before anybody is disconnected. Clients are served meanwhile, for a
   * quarter of {@link LifecycleOptions.drainTimeoutMs} at most.
   */
  onDrain?(): void | Promise<void>;

  /** The connections of this gateway. */
  protected get connections(): ReadonlySet<Connection<Data>> {
    // The type of `data` is this gateway's own word: it alone writes to it.
    return this.registry.ofGateway(this.constructor as Type) as ReadonlySet<Connection<Data>>;
  }

  /** Called by Nest; override {@link onConnect} instead. */
  handleConnection(connection: Connection<Data>): void | Promise<void> {
    return this.onConnect?.(connection);
  }

  /** Called by Nest; override {@link onDisconnect} instead. */
  handleDisconnect(connection: Connection<Data>): void | Promise<void> {
    if (connection.cause) return this.onDisconnect?.(connection, connection.cause);
  }
}
