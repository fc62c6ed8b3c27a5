import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jwtVerify } from 'jose';
import { WebSocketServer } from 'ws';
import { secret } from '../wire.js';

/** The control of every row: parses a frame, looks up a handler and answers by id, as a hand-written server would. */
export async function plainEcho(): Promise<number> {
  return plainHandshake(false);
}

/** Takes whatever comes and says nothing; without the 262,144 chunks that are the limit of `ws` by itself. */
export async function plainSink(maxPayload: number): Promise<number> {
  const http = createServer();
  // Its published types do not know the option.
  const options = Object.assign({ server: http, maxPayload, perMessageDeflate: false }, { maxBufferedChunks: 0 });
  new WebSocketServer(options);
  return listening(http);
}

export async function plainHandshake(verify: boolean): Promise<number> {
  const http = createServer((_request, response) => response.end());
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
  const handlers = new Map([['echo', (data: unknown) => data]]);
  server.on('connection', (ws) => {
    // Binary frames are not part of any row; text arrives as one buffer.
    ws.on('message', (raw: Buffer) => {
      const { event, data, id } = JSON.parse(raw.toString()) as { event: string; data: unknown; id: number };
      ws.send(JSON.stringify({ event: '$reply', id, data: handlers.get(event)?.(data) }));
    });
  });
  const key = new TextEncoder().encode(secret);
  http.on('upgrade', (request: IncomingMessage, socket, head) => {
    const accept = (): void => {
      server.handleUpgrade(request, socket, head, (ws) => server.emit('connection', ws, request));
    };
    if (!verify) accept();
    else void jwtVerify(request.headers.authorization?.slice(7) ?? '', key).then(accept, () => socket.destroy());
  });
  return listening(http);
}

async function listening(http: Server): Promise<number> {
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has an address of this type.
  return (http.address() as AddressInfo).port;
}
