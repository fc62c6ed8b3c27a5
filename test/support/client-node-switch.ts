import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

/** One address for servers that come and go, as that of a load balancer: new connections lead to the present one. */
export class Switch implements AsyncDisposable {
  /** When connections were accepted, in milliseconds since the Unix epoch. */
  readonly accepted: number[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private upstreamPort: number | undefined,
  ) {
    server.on('connection', (client: Socket) => {
      this.accepted.push(Date.now());
      this.#relay(client);
    });
  }

  static async start(upstreamPort: number): Promise<Switch> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Switch(server, upstreamPort);
  }

  url(path: string): string {
    // Listening on TCP, so neither a pipe's name nor null.
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** Where new connections lead; undefined: nowhere. Those that there are stay. */
  leadTo(upstreamPort: number | undefined): void {
    this.upstreamPort = upstreamPort;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.server, 'close');
  }

  #relay(client: Socket): void {
    if (this.upstreamPort === undefined) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port: this.upstreamPort, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    }
    pipeline(client, upstream, client, () => {
      client.destroy();
      upstream.destroy();
    });
  }
}
