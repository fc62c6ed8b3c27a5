import { WebSocketServer } from 'ws';
import { type PayloadLimits, wsOptions } from './ws-options.js';

/** The servers of `ws` that make WebSockets of sockets: one for each path, because limits are told to the server. */
export class WsServers {
  readonly #servers = new WeakMap<PayloadLimits, WebSocketServer>();

  constructor(private readonly closeTimeoutMs: number) {}

  of(limits: PayloadLimits): WebSocketServer {
    const existing = this.#servers.get(limits);
    if (existing) return existing;
    const server = new WebSocketServer(wsOptions(limits, this.closeTimeoutMs));
    this.#servers.set(limits, server);
    // With a listener `ws` leaves the answer to it, and ours is written by the caller of the upgrade.
    server.on('wsClientError', () => undefined);
    return server;
  }
}
