import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Drip, Dripped } from './wire.js';

/** An upgraded connection of this process to itself, by both of its ends. */
async function upgrade(port: number): Promise<[client: Socket, server: Socket]> {
  const accepted = new Promise<Socket>((resolve) => {
    // What this channel tells of is the socket that a server has accepted.
    subscribe('net.server.socket', (message) => {
      resolve((message as { socket: Socket }).socket);
    });
  });
  const client = connect(port, '127.0.0.1').setNoDelay(true);
  client.write(
    'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(client, 'data');
  return [client, await accepted];
}

/** Header of a binary frame: its length in eight bytes, and a mask. */
function header(bytes: number): Buffer {
  const start = Buffer.alloc(14);
  start.set([0x82, 0xff]);
  start.writeBigUInt64BE(BigInt(bytes), 2);
  start.writeUInt32BE(0x01_02_03_04, 10);
  return start;
}

/** What the server says to a client. */
class Said {
  /** Of its close frame. */
  code: number | undefined;

  constructor(private readonly client: Socket) {
    client.on('error', () => undefined);
    client.on('data', (data: Buffer) => {
      if (data[0] === 0x88) this.code = data.readUInt16BE(2);
    });
  }

  isOver(): boolean {
    return this.code !== undefined || !this.client.writable;
  }
}

/**
 * Sends one frame packet by packet, each when the one before it has been read, and watches the event loop meanwhile.
 */
export async function drip(port: number, { bytes, packetBytes }: Drip): Promise<Dripped> {
  const [client, server] = await upgrade(port);
  const said = new Said(client);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const packet = Buffer.alloc(packetBytes);
  client.write(header(bytes));
  for (let sent = 0; sent < bytes && !said.isOver(); sent += packetBytes) {
    const part = packet.subarray(0, Math.min(packetBytes, bytes - sent));
    const read = server.bytesRead + part.length;
    client.write(part);
    while (server.bytesRead < read && !said.isOver()) await turn();
  }
  if (!said.isOver()) {
    // A ping is answered once what came before it is done.
    const answered = once(client, 'data');
    client.write(Buffer.from([0x89, 0x80, 0, 0, 0, 0]));
    await answered;
  }
  loop.disable();
  const told = said.isOver() ? `closed with ${said.code ?? 'nothing'}` : 'taken';
  client.destroy();
  return { stopMs: loop.max / 1e6, told };
}
