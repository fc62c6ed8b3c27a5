import { ServiceUnavailableException, UseGuards } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { AuthGuard, type Connection, Public, Room, Rooms } from '@holdfast/gateway';
import { type HoldfastTestApp, TestClient, type TestClientOptions } from '@holdfast/testing';
import { boot, type Setup } from './boot.js';
import { SECRET } from './tokens.js';

/** Joins clients to rooms: in its hook as `?hook=` says, and when it is asked to. */
@UseGuards(AuthGuard)
@Public()
@WebSocketGateway({ path: '/:place' })
class SessionsGateway implements OnGatewayConnection {
  /** Rooms of `chat/` that nobody may join. */
  readonly forbidden = new Set<string>();
  isDown = false;

  async handleConnection(connection: Connection): Promise<void> {
    const room = connection.handshake.query.get('hook');
    if (room) await connection.join(room);
  }

  @Room('chat/:name')
  mayChat(@MessageBody('name') name: string): boolean {
    if (this.isDown) throw new ServiceUnavailableException();
    return !this.forbidden.has(name);
  }

  @SubscribeMessage('enter')
  async enter(@MessageBody() room: string, @ConnectedSocket() connection: Connection): Promise<string[]> {
    await connection.join(room);
    return [...connection.rooms];
  }

  /** Leaves before the join has been stored. */
  @SubscribeMessage('enter and exit')
  async enterAndExit(@MessageBody() room: string, @ConnectedSocket() connection: Connection): Promise<string[]> {
    const joining = connection.join(room);
    connection.leave(room);
    await joining;
    return [...connection.rooms];
  }

  @SubscribeMessage('exit')
  exit(@MessageBody() room: string, @ConnectedSocket() connection: Connection): string[] {
    connection.leave(room);
    return [...connection.rooms];
  }

  @SubscribeMessage('rooms')
  rooms(@ConnectedSocket() connection: Connection): string[] {
    return [...connection.rooms].sort();
  }
}

export interface SessionsApp extends AsyncDisposable {
  readonly app: HoldfastTestApp;
  readonly rooms: Rooms;
  readonly gateway: SessionsGateway;
  /** Connects with what `$hello` says of a session. */
  connect(hello?: object, options?: SessionClient): Promise<TestClient>;
}

interface SessionClient extends TestClientOptions {
  /** Default: `/a`. */
  readonly path?: string;
}

export async function startSessions(
  options: object = {},
  more: Omit<Setup, 'options' | 'providers'> = {},
): Promise<SessionsApp> {
  const app = await boot({
    ...more,
    options: {
      auth: { secret: SECRET },
      rooms: [
        { pattern: 'log/:id', history: { size: 10 } },
        { pattern: 'chat/:id', history: { size: 10 } },
        { pattern: 'newest/:id', history: { size: 1 } },
      ],
      ...options,
    },
    providers: [SessionsGateway],
  });
  return {
    app,
    rooms: app.app.get(Rooms),
    gateway: app.app.get(SessionsGateway),
    connect: (hello = { session: null }, { path = '/a', ...client } = {}) =>
      TestClient.connectSdk(app.url(path), { ...client, hello }),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** What `$welcome` says of the session. */
export function sessionOf(client: TestClient): { id: string; resumed: boolean; expiresMs: number } {
  return (client.welcome?.data as { session: { id: string; resumed: boolean; expiresMs: number } }).session;
}

/** What the next `$joined` or `$left` says. */
export async function answerOf(client: TestClient, event: '$joined' | '$left'): Promise<Record<string, unknown>> {
  const { data, id } = await client.next(event);
  if (id !== undefined) throw new Error(`This ${event} answers a request`);
  return data as Record<string, unknown>;
}

/** What the client presents of a room. */
export function presented({ room, epoch, offset }: Record<string, unknown>): object {
  return { room, epoch, offset };
}
