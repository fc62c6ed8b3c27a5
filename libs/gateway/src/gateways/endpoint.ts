import type { IncomingMessage } from 'node:http';
import type { Type } from '@nestjs/common';
import type { Connection } from '../connection/connection.js';
import type { HandlerPlan } from '../dispatch/handler-plan.js';
import type { ProviderWrapper } from '../direct/handler-compiler.js';
import type { EndpointSettings } from './endpoint-settings.js';

/** A gateway class as found at boot. */
export interface GatewayInfo {
  readonly type: Type;
  readonly wrapper: ProviderWrapper;
  readonly name: string;
  /** Nest's id of the provider. */
  readonly id: string;
  /** Undefined for request-scoped gateways: they have an instance per connection. */
  readonly instance: object | undefined;
  readonly hasConnectionHook: boolean;
  readonly hasDisconnectHook: boolean;
}

/** Nest's own callback for a new client of a gateway. */
export type NestConnectCallback = (connection: Connection, request: IncomingMessage) => void;

/**
 * One path on one port, with every gateway that serves it. This is what `@WebSocketServer()` gives.
 *
 * @publicApi
 */
export class Endpoint {
  readonly #connections = new Set<Connection>();
  readonly #isDirect: boolean;
  /** @internal */
  readonly connectCallbacks: NestConnectCallback[] = [];
  /** `afterInit` hooks at work: the boot waits for them. @internal */
  readonly inits: Promise<void>[] = [];

  /** Made by Holdfast at boot. */
  constructor(
    /** Port of its own, or 0 for that of the application. */
    readonly port: number,
    /** The path as declared, with the global prefix. */
    readonly route: string,
    /** @internal */
    readonly gateways: readonly GatewayInfo[],
    /** @internal */
    readonly handlers: ReadonlyMap<string, HandlerPlan>,
    /** @internal */
    readonly settings: EndpointSettings,
  ) {
    const hasHooks = gateways.some(
      ({ hasConnectionHook, hasDisconnectHook }) => hasConnectionHook || hasDisconnectHook,
    );
    this.#isDirect = !hasHooks && [...handlers.values()].every(({ direct }) => direct !== undefined);
  }

  /** Nothing of this path runs in Nest's own chain, so that Nest need not be told of its clients. @internal */
  get isDirect(): boolean {
    return this.#isDirect;
  }

  /** The connections to this path. Iterating is safe while they come and go. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /**
   * Sends an event to everybody connected to this path.
   *
   * @returns how many connections took it, see {@link Connection.emit}.
   */
  emit(event: string, data?: unknown): number {
    let taken = 0;
    for (const connection of this.#connections) if (connection.emit(event, data)) taken++;
    return taken;
  }

  /** @internal */
  get gatewayTypes(): readonly Type[] {
    return this.gateways.map(({ type }) => type);
  }

  /** @internal */
  joined(connection: Connection): void {
    this.#connections.add(connection);
  }

  /** @internal */
  left(connection: Connection): void {
    this.#connections.delete(connection);
  }
}
