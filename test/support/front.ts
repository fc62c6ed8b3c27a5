import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * One address for servers that come and go behind it, as a load balancer has it. A server that was restarted on its own
 * port could find it taken: by anybody, even by an attempt of the browser to connect to it.
 */
export class Front implements AsyncDisposable {
  /** Where new connections go. */
  upstreamPort: number;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(upstreamPort: number) {
    this.upstreamPort = upstreamPort;
    this.server = createServer((client) => {
      const upstream = connect(this.upstreamPort, '127.0.0.1');
      this.join(client, upstream);
      this.join(upstream, client);
    });
  }

  static async start(upstreamPort: number): Promise<Front> {
    const front = new Front(upstreamPort);
    front.server.listen(0, '127.0.0.1');
    await once(front.server, 'listening');
    return front;
  }

  /** The `http:` URL of a path. */
  httpUrl(path: string): string {
    // Listening on TCP, so neither a pipe's name nor null.
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    if (this.server.listening) await once(this.server, 'close');
  }

  private join(from: Socket, to: Socket): void {
    this.sockets.add(from);
    from.pipe(to);
    // However one side ends, so does the other.
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroySoon();
    });
  }
}
