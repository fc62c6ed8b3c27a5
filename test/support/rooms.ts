import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  ParseIntPipe,
  UseGuards,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, HoldfastException, isHandshake, Room, RoomPublish, Rooms } from '@holdfast/gateway';
import type { HoldfastTestApp, TestClient } from '@holdfast/testing';
import { IsString, MaxLength } from 'class-validator';
import { once } from 'node:events';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { boot } from './boot.js';

/** Clients of this guard say in the query who they are. */
@Injectable()
class NotEve implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { handshake } = context.switchToWs().getClient<Connection>();
    return handshake.query.get('name') !== 'eve' || isHandshake(context);
  }
}

class Saying {
  @IsString()
  @MaxLength(20)
  text!: string;
}

@WebSocketGateway({ path: '/' })
class OrdersGateway {
  readonly asked: unknown[] = [];

  constructor(private readonly rooms: Rooms) {}

  @UseGuards(NotEve)
  @Room('orders/:id')
  mayFollow(@MessageBody('id', ParseIntPipe) id: number, @MessageBody('room') room: string): boolean {
    this.asked.push([id, room]);
    if (id === 13) throw new HoldfastException('CONFLICT', 'This order is being moved');
    return id < 100;
  }

  @Room('chat/:name')
  async mayChat(): Promise<void> {
    await Promise.resolve();
  }

  @UsePipes(new ValidationPipe())
  @RoomPublish('chat/:name')
  async said(
    @MessageBody('name') name: string,
    @MessageBody('data') { text }: Saying,
    @ConnectedSocket() connection: Connection,
  ): Promise<{ offset: number | undefined }> {
    if (text === 'later') await Promise.resolve();
    const position = await this.rooms.to(`chat/${name}`).except(connection).emit('said', { text });
    return { offset: position?.offset };
  }

  @Room('newest/:name')
  mayLook(): void {
    // Everybody may.
  }

  @Room('slow')
  never(): Promise<void> {
    return new Promise(() => undefined);
  }

  @SubscribeMessage('enter')
  async enter(@MessageBody() room: string, @ConnectedSocket() connection: Connection): Promise<string[]> {
    await connection.join(room);
    return [...connection.rooms];
  }

  @SubscribeMessage('exit')
  exit(@MessageBody() room: string, @ConnectedSocket() connection: Connection): string[] {
    connection.leave(room);
    return [...connection.rooms];
  }
}

const history = { size: 100 };
/** Of the tests, unless they say otherwise. */
export const policies = [
  { pattern: 'orders/:id', history },
  { pattern: 'newest/:name', history: { size: 1 } },
];

export interface RoomsApp extends AsyncDisposable {
  readonly app: HoldfastTestApp;
  readonly rooms: Rooms;
  readonly gateway: OrdersGateway;
}

export async function start(roomLimits: object = {}, more: object = {}): Promise<RoomsApp> {
  const app = await boot({ options: { rooms: policies, roomLimits, ...more }, providers: [OrdersGateway, NotEve] });
  return {
    app,
    rooms: app.app.get(Rooms),
    gateway: app.app.get(OrdersGateway),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** Joins, and returns what `$joined` says. */
export async function join(client: TestClient, room: string, since?: object): Promise<Record<string, unknown>> {
  const { event, data } = await client.request('$join', { room, since });
  expect(event).toBe('$joined');
  return data as Record<string, unknown>;
}

/** Frames as they are. */
export class Frames implements AsyncDisposable {
  readonly #waiting: string[] = [];
  #wake: () => void = () => undefined;

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => {
      this.#waiting.push(data.toString());
      this.#wake();
    });
  }

  static async open(url: string): Promise<Frames> {
    const frames = new Frames(new WebSocket(url));
    await once(frames.ws, 'open');
    return frames;
  }

  async next(): Promise<string> {
    while (this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#waiting.shift() ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.ws, 'close');
    this.ws.terminate();
    await closed;
  }
}
