import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';

/** socket.io by itself, WebSocket transport only, answering by acknowledgement. */
export async function socketIo(): Promise<number> {
  const http = createServer();
  const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false });
  io.on('connection', (socket) => {
    socket.on('echo', (data: unknown, acknowledge: (data: unknown) => void) => {
      acknowledge(data);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has an address of this type.
  return (http.address() as AddressInfo).port;
}
