import type { IncomingMessage, Server } from 'node:http';
import type { Observable } from 'rxjs';
import type { HttpServer, WsMessageHandler } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { CloseCode } from '@holdfast/protocol';
import {
  type AdmissionService,
  normalizeRoute,
  refusals,
  type UpgradeHandler,
  UpgradeListener,
} from '../admission/index.js';
import { type Connection, linkOf } from '../connection/index.js';
import { conversationOf } from '../dispatch/index.js';
import { serviceRestart } from '../drain/index.js';
import { HoldfastError } from '../errors/index.js';
import type { MessageParser } from '../format/index.js';
import {
  bindingOfClient,
  type Endpoint,
  type PortPlace,
  type PortTable,
  type Route,
  routeOf,
  type RouteTable,
} from '../gateways/index.js';
import type { TimerWheel } from '../ground/index.js';
import type { UnfinishedBytes } from '../intake/index.js';
import type { NestCallback } from '../nest/index.js';
import { OwnPort } from './own-port.js';

/** What the adapter works with. */
export interface AdapterParts {
  readonly admission: AdmissionService<Route>;
  readonly routes: RouteTable;
  readonly unfinished: UnfinishedBytes;
  readonly wheel: TimerWheel;
  readonly handshakeTimeoutMs: number;
  readonly host: HttpAdapterHost;
  readonly prefix: () => string;
  /** Of gateways with `format: 'nest'`. */
  readonly parser: { parse: MessageParser };
  readonly explore: () => ReadonlyMap<number, PortTable>;
  /** Called last, when the application is closed. */
  readonly dispose: () => void;
}

/**
 * Where Nest's gateways meet Holdfast. It installs itself: importing `HoldfastModule` is enough. It is a `WsAdapter`
 * by type, but Holdfast does all of its work.
 *
 * @publicApi
 */
export class HoldfastAdapter extends WsAdapter {
  readonly #parts: AdapterParts;
  readonly #listeners: UpgradeListener[] = [];
  readonly #ownPorts: OwnPort[] = [];
  #ports: ReadonlyMap<number, PortTable> | undefined;

  /** @internal */
  constructor(parts: AdapterParts) {
    super();
    this.#parts = parts;
  }

  /**
   * Nest sets this on its adapter before it binds the first gateway. That is the moment to look at all of them: by the
   * time of the first {@link create} Nest has already resolved the filters of a gateway, and ours would be too late.
   *
   * @internal
   */
  override set forceCloseConnections(isForced: boolean) {
    super.forceCloseConnections = isForced;
    this.#ports ??= this.#openPorts();
  }

  override get forceCloseConnections(): boolean {
    return super.forceCloseConnections;
  }

  /**
   * Sets what makes a message of a frame, on gateways with `format: 'nest'`. What it throws is logged at debug level,
   * and the frame is ignored.
   */
  override setMessageParser(parser: Parameters<WsAdapter['setMessageParser']>[0]): void {
    super.setMessageParser(parser);
    this.#parts.parser.parse = (frame) => parser(frame) ?? undefined;
  }

  /** Nest asks for the server of each place a gateway is at. */
  override create(port: number, options: { readonly path?: string } = {}): Endpoint {
    const path = normalizeRoute(options.path, this.#parts.prefix());
    const route = this.#ports?.get(port)?.find(path);
    if (!route) throw new HoldfastError('INVALID_GATEWAY', `No gateway was found for ${path} on port ${port} at boot`);
    return route.endpoint;
  }

  override bindClientConnect(
    server: Endpoint,
    callback: (connection: Connection, request: IncomingMessage) => void,
  ): void {
    routeOf(server)?.connectCallbacks.push(callback);
  }

  override bindClientDisconnect(client: Connection, callback: (reason: string) => void): void {
    const binding = bindingOfClient(client);
    if (binding) (binding.disconnectCallbacks ??= []).push(callback);
  }

  override bindMessageHandlers(
    client: Connection,
    handlers: WsMessageHandler[],
    _transform?: (data: unknown) => Observable<unknown>,
  ): void {
    const conversation = conversationOf(client);
    // Nest types callbacks by what HTTP-like adapters pass; what it binds takes any arguments and returns a promise.
    for (const { message, callback } of handlers) conversation.bind(message, callback as NestCallback);
  }

  /** Newer versions of Nest turn clients away by this. */
  closeClient(client: Connection): void {
    client.close(CloseCode.TRY_AGAIN_LATER, 'not ready yet');
  }

  /** @throws HoldfastError `PORT_UNAVAILABLE`: a gateway that nobody can reach must not boot quietly. @internal */
  async listen(): Promise<void> {
    // All of them have an outcome before any is closed again: one still about to listen would do so for ever.
    const outcomes = await Promise.allSettled(this.#ownPorts.map((port) => port.listen()));
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    // `listen` rejects with nothing else.
    if (failure) throw failure.reason as HoldfastError;
  }

  override async close(server: Endpoint): Promise<void> {
    for (const connection of server.connections)
      linkOf(connection).terminate(CloseCode.SERVICE_RESTART, serviceRestart);
    await Promise.resolve();
  }

  /** No port is listened on any more. @internal */
  async release(): Promise<void> {
    for (const listener of this.#listeners.splice(0)) listener.dispose();
    await Promise.all(this.#ownPorts.splice(0).map((port) => port.close()));
  }

  override async dispose(): Promise<void> {
    await this.release();
    this.#parts.admission.dispose();
    this.#parts.dispose();
  }

  #openPorts(): ReadonlyMap<number, PortTable> {
    const ports = this.#parts.explore();
    const routes = [...ports.values()].flatMap((table) => table.routes);
    this.#parts.routes.set(routes);
    for (const { settings } of routes) this.#parts.unfinished.makeRoomFor(settings.maxPayloadBytes);
    for (const [port, table] of ports) {
      const names = table.routes.flatMap(({ gateways }) => gateways.map(({ name }) => name)).join(', ');
      const server = port === 0 ? this.#sharedServer(names) : this.#ownServer(port, names, table.place);
      this.#listeners.push(this.#listenOn(server, table));
    }
    return ports;
  }

  #sharedServer(names: string): Server {
    // A microservice has no HTTP adapter, whatever the type says. Nest types the server of any platform as any;
    // Holdfast needs the one of Node, which all of them are built on.
    const server = (this.#parts.host.httpAdapter as HttpServer | undefined)?.getHttpServer() as Server | undefined;
    if (server) return server;
    throw new HoldfastError(
      'INVALID_GATEWAY',
      `${names}: the application has no HTTP server to share a port with. Create it by NestFactory.create() and ` +
        'connectMicroservice(), or give each gateway a port of its own: @WebSocketGateway(8080)',
    );
  }

  #ownServer(port: number, names: string, place: PortPlace): Server {
    const ownPort = new OwnPort(port, names, place);
    this.#ownPorts.push(ownPort);
    return ownPort.server;
  }

  #listenOn(server: Server, table: PortTable): UpgradeListener {
    const { admission, wheel, handshakeTimeoutMs } = this.#parts;
    const handler: UpgradeHandler = {
      handle: (upgrade) => admission.handle(table, upgrade),
      unanswered: (socket) => {
        admission.refuse(socket, refusals.pathNotFound());
      },
      overdue: (socket) => {
        admission.cut(socket, 'HANDSHAKE_TIMEOUT');
      },
    };
    return new UpgradeListener(server, handler, wheel, handshakeTimeoutMs);
  }
}
