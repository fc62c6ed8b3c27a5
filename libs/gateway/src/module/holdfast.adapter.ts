import type { IncomingMessage, Server } from 'node:http';
import type { Observable } from 'rxjs';
import type { WebSocketAdapter, WsMessageHandler } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import type { AdmissionService } from '../admission/admission.service.js';
import { normalizeRoute } from '../admission/path-matcher.js';
import { refusals } from '../admission/refusal.js';
import { type UpgradeHandler, UpgradeListener } from '../admission/upgrade-listener.js';
import { CloseCode } from '@holdfast/protocol';
import type { Connection } from '../connection/connection.js';
import type { NestCallback } from '../dispatch/handler-plan.js';
import { HoldfastError } from '../errors/holdfast-error.js';
import type { Endpoint } from '../gateways/endpoint.js';
import type { GatewayServices } from '../lifecycle/gateway-services.js';
import { sessionOf } from '../lifecycle/session.js';
import { OwnPort } from './own-port.js';
import type { PortTable } from '../gateways/port-table.js';

export interface AdapterParts {
  readonly services: GatewayServices;
  readonly admission: AdmissionService;
  readonly host: HttpAdapterHost;
  readonly prefix: () => string;
  readonly explore: () => ReadonlyMap<number, PortTable>;
}

/** Where Nest's gateways meet Holdfast. It installs itself: importing `HoldfastModule` is enough. */
export class HoldfastAdapter implements WebSocketAdapter<Endpoint, Connection> {
  readonly #listeners: UpgradeListener[] = [];
  readonly #ownPorts: OwnPort[] = [];
  #ports: ReadonlyMap<number, PortTable> | undefined;

  constructor(private readonly parts: AdapterParts) {}

  /**
   * Nest sets this on its adapter before it binds the first gateway. That is the moment to look at all of them: by the
   * time of the first {@link create} Nest has already resolved the filters of a gateway, and ours would be too late.
   */
  set forceCloseConnections(_force: boolean | undefined) {
    this.#ports ??= this.#openPorts();
  }

  /** Nest asks for the server of each place a gateway is at. */
  create(port: number, options: { readonly path?: string } = {}): Endpoint {
    const route = normalizeRoute(options.path, this.parts.prefix());
    const endpoint = this.#ports?.get(port)?.find(route);
    if (!endpoint)
      throw new HoldfastError('INVALID_GATEWAY', `No gateway was found for ${route} on port ${port} at boot`);
    return endpoint;
  }

  bindClientConnect(server: Endpoint, callback: (connection: Connection, request: IncomingMessage) => void): void {
    server.connectCallbacks.push(callback);
  }

  bindClientDisconnect(client: Connection, callback: (reason: string) => void): void {
    (sessionOf(client).disconnectCallbacks ??= []).push(callback);
  }

  bindMessageHandlers(
    client: Connection,
    handlers: WsMessageHandler[],
    _transform?: (data: unknown) => Observable<unknown>,
  ): void {
    const session = sessionOf(client);
    for (const { message, callback, isAckHandledManually } of handlers) {
      const plan = session.endpoint.handlers.get(message);
      if (!plan) continue;
      plan.acknowledges = isAckHandledManually;
      // Nest types callbacks by what HTTP-like adapters pass; what it binds takes any arguments and returns a promise.
      if (!plan.direct) (session.callbacks ??= [])[plan.index] = callback as NestCallback;
    }
  }

  /** Newer versions of Nest turn clients away by this. */
  closeClient(client: Connection): void {
    client.close(CloseCode.TRY_AGAIN_LATER, 'not ready yet');
  }

  /** @throws HoldfastError `PORT_UNAVAILABLE`: a gateway that nobody can reach must not boot quietly. */
  async listen(): Promise<void> {
    // All of them have an outcome before any is closed again: one still about to listen would do so for ever.
    const outcomes = await Promise.allSettled(this.#ownPorts.map((port) => port.listen()));
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    // `listen` rejects with nothing else.
    if (failure) throw failure.reason as HoldfastError;
  }

  /** The application goes away: nobody who is not connected yet will be. */
  refusePending(): void {
    this.parts.admission.refusePending();
  }

  get endpoints(): Iterable<Endpoint> {
    return [...(this.#ports?.values() ?? [])].flatMap((table) => table.endpoints);
  }

  async close(server: Endpoint): Promise<void> {
    for (const connection of server.connections)
      sessionOf(connection).terminate(CloseCode.SERVICE_RESTART, 'service restart');
    await Promise.resolve();
  }

  /** Nobody is listened to any more. */
  async release(): Promise<void> {
    for (const listener of this.#listeners.splice(0)) listener.dispose();
    await Promise.all(this.#ownPorts.splice(0).map((port) => port.close()));
  }

  async dispose(): Promise<void> {
    await this.release();
    this.parts.admission.dispose();
    this.parts.services.wheel.stop();
    this.parts.services.metrics.dispose();
  }

  #openPorts(): ReadonlyMap<number, PortTable> {
    const ports = this.parts.explore();
    for (const [port, table] of ports) {
      for (const { settings } of table.endpoints) this.parts.services.unfinished.makeRoomFor(settings.maxPayloadBytes);
      const server = port === 0 ? this.#sharedServer() : this.#ownServer(port);
      this.#listeners.push(this.#listenOn(server, table));
    }
    return ports;
  }

  #sharedServer(): Server {
    // Nest types the server of any platform as any; Holdfast needs the one of Node, which all of them are built on.
    return this.parts.host.httpAdapter.getHttpServer() as Server;
  }

  #ownServer(port: number): Server {
    const ownPort = new OwnPort(port);
    this.#ownPorts.push(ownPort);
    return ownPort.server;
  }

  #listenOn(server: Server, table: PortTable): UpgradeListener {
    const { admission, services } = this.parts;
    const handler: UpgradeHandler = {
      handle: (upgrade) => admission.handle(table, upgrade),
      unanswered: (socket) => {
        admission.refuse(socket, refusals.pathNotFound());
      },
      overdue: (socket) => {
        admission.cut(socket, 'HANDSHAKE_TIMEOUT');
      },
    };
    return new UpgradeListener(server, handler, services.wheel, services.options.admission.handshakeTimeoutMs);
  }
}
