import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';

export interface PlainServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** The server's ends of all connections so far. */
  readonly sockets: readonly WebSocket[];
}

type Connected = (socket: WebSocket, request: IncomingMessage) => void;
type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, accept: () => void) => void;

/** A server of bare `ws`: what Holdfast's helpers are tried against. `upgrade` may refuse by not calling `accept`. */
export async function plainServer(
  onConnection: Connected,
  settings: ServerOptions = {},
  upgrade: Upgrade = (_request, _socket, _head, accept) => {
    accept();
  },
): Promise<PlainServer> {
  const http = createServer();
  const wss = new WebSocketServer({ noServer: true, ...settings });
  const sockets: WebSocket[] = [];
  wss.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onConnection(socket, request);
  });
  const connections: Socket[] = [];
  http.on('connection', (socket) => connections.push(socket));
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    upgrade(request, socket, head, () => {
      wss.handleUpgrade(request, socket, head, (accepted) => wss.emit('connection', accepted, request));
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return {
    port,
    url: `ws://127.0.0.1:${port}`,
    sockets,
    [Symbol.asyncDispose]: async () => {
      http.close();
      // By hand: an HTTP server forgets a connection that asked for an upgrade.
      for (const connection of connections) connection.destroy();
      await once(http, 'close');
    },
  };
}

/** Answers each JSON message with the frames that `answer` makes of it. */
export function answering(answer: (frame: { event: string; id?: string; data?: unknown }) => object[]): Connected {
  return (socket) => {
    socket.on('message', (message: Buffer) => {
      for (const frame of answer(JSON.parse(message.toString()) as { event: string })) {
        socket.send(JSON.stringify(frame));
      }
    });
  };
}
