import { UseGuards } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  AuthGuard,
  type Connection,
  HoldfastException,
  HoldfastGateway,
  RateLimit,
  Room,
  Rooms,
} from '@holdfast/gateway';
import { livePath } from '../live-path.js';
import { shortId } from '../short-id.js';
import { JoinRoom, roomName, SayText } from './chat.messages.js';
import { ChatHistory, type Said, talkIn } from './chat-history.js';

interface ChatData {
  /** The room this client is in; none before its first `join`. */
  room?: string;
}

interface PeopleEvents {
  joined: { name: string };
  left: { name: string };
  typing: { name: string };
}

/**
 * Rooms of people who talk to each other. Who somebody is comes from the token that the guard has verified before the
 * socket was opened, never from a message. What is said is kept for those who lose their connection; who comes, goes
 * and types is not.
 */
@UseGuards(AuthGuard)
@WebSocketGateway({ path: livePath })
export class ChatGateway extends HoldfastGateway<ChatData> {
  constructor(
    private readonly talk: Rooms<{ said: Said }>,
    private readonly people: Rooms<PeopleEvents>,
    private readonly history: ChatHistory,
  ) {
    super();
  }

  /** Asked again when a client comes back. */
  @Room('chat/:name')
  mayReturn(@MessageBody('name') name: string): boolean {
    return roomName.test(name);
  }

  @SubscribeMessage('join')
  async join(@MessageBody() { room }: JoinRoom, @ConnectedSocket() connection: Connection<ChatData>) {
    if (connection.data.room !== room) await this.#leave(connection);
    connection.data.room = room;
    await Promise.all([connection.join(talkIn(room)), connection.join(peopleIn(room))]);
    await this.people.to(peopleIn(room)).emit('joined', { name: nameOf(connection) });
    const recent = await this.history.recent(room);
    return { room, people: this.talk.count(talkIn(room)), connection: shortId(connection), recent };
  }

  @RateLimit({ limit: 20, windowMs: 10_000, per: 'principal' })
  @SubscribeMessage('say')
  async say(@MessageBody() { text }: SayText, @ConnectedSocket() connection: Connection<ChatData>) {
    const room = talkIn(roomOf(connection));
    await this.talk.to(room).emit('said', { name: nameOf(connection), text, at: Date.now() });
    return { heardBy: this.talk.count(room) };
  }

  @RateLimit({ limit: 10, windowMs: 10_000 })
  @SubscribeMessage('typing')
  async typing(@ConnectedSocket() connection: Connection<ChatData>): Promise<void> {
    const others = this.people.to(peopleIn(roomOf(connection))).except(connection);
    await others.emit('typing', { name: nameOf(connection) }, { volatile: true });
  }

  /** A connection that has ended is in no room any more, so it is not told of its own going. */
  override async onDisconnect(connection: Connection<ChatData>): Promise<void> {
    await this.#leave(connection);
  }

  async #leave(connection: Connection<ChatData>): Promise<void> {
    const { room } = connection.data;
    if (room === undefined) return;
    connection.data.room = undefined;
    connection.leave(talkIn(room));
    connection.leave(peopleIn(room));
    await this.people.to(peopleIn(room)).emit('left', { name: nameOf(connection) });
  }
}

const peopleIn = (room: string): string => `people/${room}`;

function nameOf({ principal }: Connection<ChatData>): string {
  return principal?.subject ?? 'somebody';
}

function roomOf({ data }: Connection<ChatData>): string {
  if (data.room === undefined) throw new HoldfastException('CONFLICT', 'Join a room first');
  return data.room;
}
