import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** @publicApi */
export interface FaultProxyCounts {
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Connections open now. */
  readonly open: number;
  /** Bytes passed on towards the server. */
  readonly bytesUp: number;
  /** Bytes passed on towards the clients. */
  readonly bytesDown: number;
}

/** Both ends of one proxied connection. */
interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
}

/**
 * A TCP proxy in front of a server, that fails on cue: it falls silent, resets or ends the connections through it. One
 * address for servers that come and go, too, as that of a load balancer.
 *
 * ```ts
 * await using proxy = await FaultProxy.start(app.port);
 * const client = await TestClient.connect(proxy.url('/chat'));
 * proxy.pause(); // both ends still believe in the connection
 * ```
 *
 * @publicApi
 */
export class FaultProxy implements AsyncDisposable {
  readonly #links = new Set<Link>();
  /** Ends that came during a pause. */
  readonly #held: (() => void)[] = [];
  #paused = false;
  #losesAnswer = false;
  #accepted = 0;
  #bytesUp = 0;
  #bytesDown = 0;

  private constructor(
    private readonly server: Server,
    private upstreamPort: number | undefined,
    private readonly upstreamHost: string,
  ) {
    server.on('connection', (client: Socket) => {
      this.#accept(client);
    });
  }

  /** Starts on a free port of 127.0.0.1. Host of the server behind it: default `127.0.0.1`. */
  static async start(upstreamPort: number, upstreamHost = '127.0.0.1'): Promise<FaultProxy> {
    // Half-open on purpose: the end of one direction is passed on as what it is, not as the end of both.
    const server = createServer({ allowHalfOpen: true });
    const proxy = new FaultProxy(server, upstreamPort, upstreamHost);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** Port of 127.0.0.1 on which the proxy listens. */
  get port(): number {
    // Listening on TCP, so neither a pipe's name nor null.
    return (this.server.address() as AddressInfo).port;
  }

  /** The `ws:` URL of a path of the server, through this proxy. Default `/`. */
  url(path = '/'): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  /** The `http:` URL of a path of the server, through this proxy. Default `/`. */
  httpUrl(path = '/'): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  get counts(): FaultProxyCounts {
    return { accepted: this.#accepted, open: this.#links.size, bytesUp: this.#bytesUp, bytesDown: this.#bytesDown };
  }

  /**
   * Falls silent both ways. Connections stay open and new ones are accepted, but nothing passes, not even their end:
   * the ends are half-open without knowing it.
   */
  pause(): void {
    this.#paused = true;
    this.#eachSocket((socket) => socket.pause());
  }

  /** Passes on what was held back, then everything. */
  resume(): void {
    this.#paused = false;
    for (const passOn of this.#held.splice(0)) passOn();
    this.#eachSocket((socket) => socket.resume());
  }

  /**
   * Where new connections lead: a port of the same host; undefined: nowhere, they are reset. Those that there are stay.
   */
  leadTo(upstreamPort: number | undefined): void {
    this.upstreamPort = upstreamPort;
  }

  /** Resets every connection (RST), as a crashed host or a firewall does. */
  reset(): void {
    this.#eachSocket((socket) => socket.resetAndDestroy());
  }

  /**
   * The next bytes that the server sends are lost, and their connection is reset: what they answer was carried out, and
   * the client does not know.
   */
  loseAnswer(): void {
    this.#losesAnswer = true;
  }

  /** Ends every connection (FIN) without a close frame, as a proxy's idle timeout does. */
  cut(): void {
    this.#eachSocket((socket) => {
      // What comes until the other side ends too is thrown away: a cut connection passes nothing on.
      socket.removeAllListeners('data').resume().end();
    });
  }

  /** Drops all connections and stops listening. */
  async close(): Promise<void> {
    const closed = this.server.listening ? once(this.server, 'close') : undefined;
    this.server.close();
    this.#eachSocket((socket) => socket.destroy());
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #eachSocket(act: (socket: Socket) => void): void {
    for (const { client, upstream } of [...this.#links]) {
      act(client);
      act(upstream);
    }
  }

  #accept(client: Socket): void {
    this.#accepted++;
    if (this.upstreamPort === undefined) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port: this.upstreamPort, host: this.upstreamHost, allowHalfOpen: true });
    const link = { client, upstream };
    this.#links.add(link);
    this.#relay(client, upstream, (bytes) => (this.#bytesUp += bytes));
    this.#relay(
      upstream,
      client,
      (bytes) => (this.#bytesDown += bytes),
      () => this.#isLost(link),
    );
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      if (this.#paused) socket.pause();
      socket.once('close', () => {
        if (client.destroyed && upstream.destroyed) this.#links.delete(link);
      });
    }
  }

  #isLost({ client, upstream }: Link): boolean {
    if (!this.#losesAnswer) return false;
    this.#losesAnswer = false;
    for (const socket of [client, upstream]) socket.resetAndDestroy();
    return true;
  }

  #relay(from: Socket, to: Socket, count: (bytes: number) => void, isLost = (): boolean => false): void {
    from.on('data', (chunk) => {
      if (isLost()) return;
      count(chunk.length);
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (!this.#paused) from.resume();
    });
    from.on('end', () => {
      this.#passOn(() => to.end());
    });
    // A reset on one side, and a server that cannot be reached, are a reset on the other.
    from.on('error', () => {
      this.#passOn(() => to.resetAndDestroy());
    });
  }

  /** A paused socket still tells its end when nothing is left to read before it. */
  #passOn(act: () => void): void {
    if (this.#paused) this.#held.push(act);
    else act();
  }
}
