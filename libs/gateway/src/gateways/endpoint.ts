import type { Connection } from '../connection/index.js';

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
