import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { ReservedEvent, SDK_SUBPROTOCOL_JSON, type WelcomeData } from '@holdfast/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

const welcome: WelcomeData = {
  connectionId: 'bare',
  heartbeat: { intervalMs: 0, graceMs: 0 },
  limits: { maxPayloadBytes: 1_048_576 },
};

/** A client that was welcomed. */
export interface Guest {
  readonly socket: WebSocket;
  /** What is below it. */
  readonly tcp: Socket;
}

/** A server of `ws` that welcomes, and then does what a test wants, as no server of ours would. */
export class BareServer implements AsyncDisposable {
  readonly #guests: Guest[] = [];
  #wake: () => void = () => undefined;

  private constructor(private readonly server: WebSocketServer) {
    server.on('connection', (socket, { socket: tcp }) => {
      // The first message is $hello.
      socket.once('message', () => {
        socket.send(JSON.stringify({ event: ReservedEvent.welcome, data: welcome }));
        this.#guests.push({ socket, tcp });
        this.#wake();
      });
      socket.on('error', () => undefined);
    });
  }

  static async start(): Promise<BareServer> {
    const handleProtocols = (): string => SDK_SUBPROTOCOL_JSON;
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols });
    await once(server, 'listening');
    return new BareServer(server);
  }

  get url(): string {
    // Listening on TCP, so neither a pipe's name nor null.
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The next client that was welcomed. */
  async next(): Promise<Guest> {
    for (;;) {
      const guest = this.#guests.shift();
      if (guest) return guest;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.server.clients) client.terminate();
    this.server.close();
    await once(this.server, 'close');
  }
}
