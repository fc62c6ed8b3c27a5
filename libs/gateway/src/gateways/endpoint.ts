import type { Connection } from '../connection/index.js';
import { refuseMethods, unsupported } from '../errors/index.js';

const hooks = 'implement handleConnection and handleDisconnect, or use ConnectionRegistry.on()';

/**
 * One path on one port, with every gateway that serves it. This is what `@WebSocketServer()` gives.
 *
 * @publicApi
 */
export class Endpoint {
  /** @internal Holdfast creates it at boot. */
  constructor(
    /** Port of its own, or 0 for that of the application. */
    readonly port: number,
    /** The path as declared, with the global prefix. */
    readonly route: string,
    /** The connections that were admitted to this path: a live view. Iterating is safe while they come and go. */
    readonly connections: ReadonlySet<Connection>,
  ) {}

  /** The same as {@link connections}, under the name that the server of `ws` has for it. */
  get clients(): ReadonlySet<Connection> {
    return this.connections;
  }

  /** @throws HoldfastError `UNSUPPORTED` */
  get options(): never {
    throw unsupported('Endpoint.options', 'options are those of HoldfastModule and @WebSocketGateway()');
  }

  /** The same as {@link route}, under the name that the server of `ws` has for it. */
  get path(): string {
    return this.route;
  }

  /**
   * Sends an event to every client that is connected to this path.
   *
   * @returns how many connections took it, see {@link Connection.emit}.
   */
  emit(event: string, data?: unknown): number {
    let taken = 0;
    for (const connection of this.connections) if (connection.emit(event, data)) taken++;
    return taken;
  }
}

// What a WebSocketServer of the package `ws` has and an endpoint cannot have.
refuseMethods(Endpoint, {
  address: 'ask the HTTP server: app.getHttpServer().address()',
  close: 'close the application: app.close()',
  handleUpgrade: 'upgrades of this path are handled by themselves',
  shouldHandle: 'the path of a gateway may have :param segments',
  completeUpgrade: 'upgrades of this path are handled by themselves',
  ...Object.fromEntries(
    ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'].map((method) => [method, hooks]),
  ),
  ...Object.fromEntries(
    ['off', 'removeListener', 'removeAllListeners', 'listeners', 'rawListeners', 'listenerCount', 'eventNames'].map(
      (method) => [method, 'it has no listeners'],
    ),
  ),
  getMaxListeners: 'it has no listeners',
  setMaxListeners: 'it has no listeners',
});
