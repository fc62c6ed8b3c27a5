import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, HoldfastModule, Room, Rooms } from '@holdfast/gateway';
import { Server } from 'socket.io';
import { WebSocketServer } from 'ws';
import { listen } from './listen.js';

/** Publishes so many events to all clients in one turn of the event loop. */
type Publish = (burst: number) => void;

/** Set by the subject that runs in this process. */
let publishToAll: Publish = () => undefined;

export function publishToCrowd(burst: number): void {
  publishToAll(burst);
}

const event = 'price';
/** As an envelope of 128 B; Holdfast adds the room, and with a history the position. */
const data = {
  symbol: 'HOLD',
  bid: 101.25,
  ask: 101.5,
  at: 1_700_000_000_000,
  note: 'a quote of the usual length, OK.',
};
const room = 'crowd';

/** The control: stringifies once, and sends to each. */
export async function plainCrowd(): Promise<number> {
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  publishToAll = (burst) => {
    for (let n = 0; n < burst; n++) {
      const text = JSON.stringify({ event, data });
      for (const client of server.clients) client.send(text);
    }
  };
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has an address of this type.
  return (http.address() as AddressInfo).port;
}

/** With the adapter in memory and connection state recovery. */
export async function socketIoCrowd(): Promise<number> {
  const http = createServer();
  const server = new Server(http, { connectionStateRecovery: {} });
  server.on('connection', (socket) => void socket.join(room));
  publishToAll = (burst) => {
    for (let n = 0; n < burst; n++) server.to(room).emit(event, data);
  };
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return (http.address() as AddressInfo).port;
}

@WebSocketGateway()
class CrowdGateway {
  handleConnection(connection: Connection): Promise<void> {
    return connection.join(room);
  }

  @Room('visit/:n')
  mayVisit(): boolean {
    return true;
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() given: unknown): unknown {
    return given;
  }

  @SubscribeMessage('visit')
  async visit(@MessageBody() name: string, @ConnectedSocket() connection: Connection): Promise<boolean> {
    await connection.join(name);
    connection.leave(name);
    return true;
  }
}

/** @param size - of the history. */
export async function holdfastCrowd(size: number): Promise<number> {
  const limits = {
    maxConnectionsPerIp: Infinity,
    handshakeRate: { limit: Infinity, windowMs: 1_000 },
  };
  const holdfast = HoldfastModule.forRoot({
    admission: limits,
    rooms: [{ pattern: room, history: { size } }],
    roomLimits: { joinsPerSecond: Infinity },
  });
  @Module({ imports: [holdfast], providers: [CrowdGateway] })
  class CrowdModule {}
  const app = await NestFactory.create(CrowdModule, { logger: false });
  const port = await listen(app);
  const target = app.get<Rooms>(Rooms).to(room);
  publishToAll = (burst) => {
    for (let n = 0; n < burst; n++) void target.emit(event, data);
  };
  return port;
}
