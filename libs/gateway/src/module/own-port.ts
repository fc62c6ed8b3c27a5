import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { once } from 'node:events';
import { HoldfastError } from '../errors/index.js';
import type { PortPlace } from '../gateways/index.js';

/** A port that only gateways live on. Plain HTTP requests there are told what to do instead. */
export class OwnPort {
  readonly server: Server;

  /** @param gateways - whose port it is, for errors */
  constructor(
    private readonly port: number,
    private readonly gateways: string,
    private readonly place: PortPlace,
  ) {
    this.server = place.tls ? createSecureServer(place.tls, explain) : createServer(explain);
  }

  /** @throws HoldfastError `PORT_UNAVAILABLE` */
  async listen(): Promise<void> {
    this.server.listen(this.port, this.place.host);
    try {
      await once(this.server, 'listening');
    } catch (error) {
      const { code = String(error) } = error as NodeJS.ErrnoException; // Servers emit nothing else.
      throw new HoldfastError('PORT_UNAVAILABLE', `${this.gateways}: cannot listen on port ${this.port} (${code})`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function explain(_request: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify({ error: { code: 'UPGRADE_REQUIRED', message: 'This port speaks WebSocket only' } });
  response
    .writeHead(426, {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      Connection: 'close, Upgrade',
    })
    .end(body);
}
