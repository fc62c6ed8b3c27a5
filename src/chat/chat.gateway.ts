import { UseGuards } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { AuthGuard, type Connection, HoldfastException, HoldfastGateway, RateLimit } from '@holdfast/gateway';
import { shortId } from '../short-id.js';
import { JoinRoom, SayText } from './chat.messages.js';

interface ChatData {
  /** The room this client is in; none before its first `join`. */
  room?: string;
}

/**
 * Rooms of people who talk to each other. Who somebody is comes from the token that the guard has verified before the
 * socket was opened, never from a message.
 */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: '/chat' })
export class ChatGateway extends HoldfastGateway<ChatData> {
  @SubscribeMessage('join')
  join(@MessageBody() { room }: JoinRoom, @ConnectedSocket() connection: Connection<ChatData>) {
    this.#leave(connection);
    connection.data.room = room;
    connection.tag(tagOf(room));
    this.#tell(room, 'joined', { name: nameOf(connection) });
    return { room, people: this.registry.withTag(tagOf(room)).size, connection: shortId(connection) };
  }

  @RateLimit({ limit: 20, windowMs: 10_000, per: 'principal' })
  @SubscribeMessage('say')
  say(@MessageBody() { text }: SayText, @ConnectedSocket() connection: Connection<ChatData>) {
    const room = roomOf(connection);
    return { heardBy: this.#tell(room, 'said', { name: nameOf(connection), text, at: Date.now() }) };
  }

  @RateLimit({ limit: 10, windowMs: 10_000 })
  @SubscribeMessage('typing')
  typing(@ConnectedSocket() connection: Connection<ChatData>): void {
    this.#tell(roomOf(connection), 'typing', { name: nameOf(connection) });
  }

  /** A connection that has ended has left its room's tag already, so it is not told of its own going. */
  override onDisconnect(connection: Connection<ChatData>): void {
    this.#leave(connection);
  }

  #leave(connection: Connection<ChatData>): void {
    const { room } = connection.data;
    if (room === undefined) return;
    connection.data.room = undefined;
    connection.untag(tagOf(room));
    this.#tell(room, 'left', { name: nameOf(connection) });
  }

  /** @returns how many were told. */
  #tell(room: string, event: string, data: object): number {
    let told = 0;
    for (const member of this.registry.withTag(tagOf(room))) if (member.emit(event, data)) told++;
    return told;
  }
}

const tagOf = (room: string): string => `chat:${room}`;

function nameOf({ principal }: Connection<ChatData>): string {
  return principal?.subject ?? 'somebody';
}

function roomOf({ data }: Connection<ChatData>): string {
  if (data.room === undefined) throw new HoldfastException('CONFLICT', 'Join a room first');
  return data.room;
}
