import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Type } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import type { Connection, Endpoint } from '@holdfast/gateway';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Calls, expectNoCrash, serve } from './support/dispatch.js';

expectNoCrash();

const path = '/idiom';

/** What gateways for `WsAdapter` put on their clients. */
type Client = Connection & { id: string; userId?: string; isAlive?: boolean; rooms?: Set<string> };

@WebSocketGateway({ path, format: 'nest' })
class TypedFrames {
  @SubscribeMessage('ping')
  ping(@ConnectedSocket() client: Client): void {
    client.send(JSON.stringify({ type: 'pong' }));
  }
}

@WebSocketGateway({ path, format: 'nest' })
class BroadcastToOthers {
  @WebSocketServer()
  server: Endpoint;

  @SubscribeMessage('say')
  say(@ConnectedSocket() sender: Client, @MessageBody() text: string): void {
    this.server.clients.forEach((client) => {
      if (client !== sender && client.readyState === WebSocket.OPEN) client.send(text);
    });
  }
}

@WebSocketGateway({ path, format: 'nest' })
class RoomsInAMap implements OnGatewayDisconnect {
  readonly rooms = new Map<string, Set<Client>>();

  @SubscribeMessage('join')
  join(@ConnectedSocket() client: Client, @MessageBody('room') room: string): object {
    const members = this.rooms.get(room) ?? new Set<Client>();
    this.rooms.set(room, members.add(client));
    return { event: 'joined', data: { room, size: members.size } };
  }

  handleDisconnect(client: Client): void {
    for (const members of this.rooms.values()) members.delete(client);
  }
}

@WebSocketGateway({ path, format: 'nest' })
class AuthenticatesOnConnection implements OnGatewayConnection {
  handleConnection(client: Client, request: IncomingMessage): void {
    const { searchParams } = new URL(request.url ?? '', 'ws://host');
    const user = searchParams.get('user');
    if (user === null) {
      client.close(4001, 'who are you?');
      return;
    }
    client.userId = user;
    client.send(JSON.stringify({ event: 'welcome', data: { agent: request.headers['user-agent'] } }));
  }

  @SubscribeMessage('who')
  who(@ConnectedSocket() { userId }: Client): unknown {
    return userId;
  }
}

@WebSocketGateway({ path, format: 'nest' })
class HeartbeatOfItsOwn implements OnGatewayConnection {
  readonly alive = new Calls<string>();

  handleConnection(client: Client): void {
    client.isAlive = false;
    client.on('pong', () => {
      client.isAlive = true;
      this.alive.add(client.id);
    });
    client.ping();
  }
}

@WebSocketGateway({ path, format: 'nest' })
class ClientsById implements OnGatewayConnection {
  readonly clients = new Map<string, Client>();

  handleConnection(client: Client): void {
    client.id = `client-${this.clients.size}`;
    this.clients.set(client.id, client);
    client.once('close', () => this.clients.delete(client.id));
  }

  @SubscribeMessage('whisper')
  whisper(@MessageBody() { to, text }: { to: string; text: string }): void {
    this.clients.get(to)?.send(text);
  }
}

@WebSocketGateway({ path, format: 'nest' })
class KeepsTheServer implements OnGatewayInit {
  #server: Endpoint | undefined;

  afterInit(server: Endpoint): void {
    this.#server = server;
  }

  @SubscribeMessage('count')
  count(): number {
    return this.#server?.clients.size ?? 0;
  }
}

@WebSocketGateway({ path, format: 'nest' })
class SendsBinary {
  @SubscribeMessage('bytes')
  bytes(@ConnectedSocket() client: Client, @MessageBody() size: number): void {
    client.send(new Uint8Array(size).fill(7), { binary: true }, (error) => {
      client.send(JSON.stringify({ sent: error === undefined }));
    });
  }
}

@WebSocketGateway({ path, format: 'raw' })
class ListensByItself implements OnGatewayConnection {
  handleConnection(client: Client): void {
    client.on('message', (data, isBinary) => {
      client.send(isBinary ? data : data.toString().toUpperCase());
    });
  }
}

@WebSocketGateway({ path, format: 'raw', subprotocols: ['json-rpc'] })
class SpeaksASubprotocol implements OnGatewayConnection {
  handleConnection(client: Client): void {
    if (client.protocol !== 'json-rpc') {
      client.terminate();
      return;
    }
    client.on('message', (data) => {
      const { id, method } = JSON.parse(data.toString()) as { id: number; method: string };
      client.send(JSON.stringify({ jsonrpc: '2.0', id, result: method }));
    });
  }
}

/** One client of a gateway, and the frames that it was sent. */
class Peer implements Disposable {
  readonly frames = new Calls<string>();
  readonly closed: Promise<string>;

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => {
      this.frames.add(data.toString());
    });
    this.closed = once(ws, 'close').then(([code, reason]: unknown[]) => `${String(code)} ${String(reason)}`);
  }

  static async connect(url: string, protocols: string[] = []): Promise<Peer> {
    const peer = new Peer(new WebSocket(url, protocols));
    await once(peer.ws, 'open');
    return peer;
  }

  /** Sends frames, and gives what the client was sent in all once there were `count` of them. */
  async sees(count: number, ...frames: (string | Buffer | object)[]): Promise<readonly string[]> {
    for (const frame of frames)
      this.ws.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
    await this.frames.called(count);
    return this.frames.seen;
  }

  [Symbol.dispose](): void {
    this.ws.terminate();
  }
}

/** Serves a gateway as it is. */
async function moved<T extends object>(type: Type<T>, use: (url: string, gateway: T) => Promise<void>): Promise<void> {
  await using served = await serve([type]);
  await use(served.url(path), served.get(type));
}

describe('an idiom of gateways for WsAdapter works:', () => {
  it('frames with a type in place of an event', () =>
    moved(TypedFrames, async (url) => {
      using peer = await Peer.connect(url);
      expect(await peer.sees(1, { event: 'ping' })).toEqual(['{"type":"pong"}']);
    }));

  it('a broadcast to all but the sender', () =>
    moved(BroadcastToOthers, async (url) => {
      using one = await Peer.connect(url);
      using two = await Peer.connect(url);
      one.ws.send('{"event":"say","data":"hello"}');
      expect(await two.sees(1)).toEqual(['hello']);
      two.ws.send('{"event":"say","data":"hello yourself"}');
      expect(await one.sees(1)).toEqual(['hello yourself']);
    }));

  it('rooms in a map, left at the disconnect', () =>
    moved(RoomsInAMap, async (url, { rooms }) => {
      using one = await Peer.connect(url);
      using two = await Peer.connect(url);
      await one.sees(1, { event: 'join', data: { room: 'tea' } });
      expect(await two.sees(1, { event: 'join', data: { room: 'tea' } })).toEqual([
        '{"event":"joined","data":{"room":"tea","size":2}}',
      ]);
      one.ws.close();
      await expect.poll(() => rooms.get('tea')?.size).toBe(1);
    }));

  it('authentication in handleConnection, with a close code', () =>
    moved(AuthenticatesOnConnection, async (url) => {
      using stranger = await Peer.connect(url);
      expect(await stranger.closed).toBe('4001 who are you?');
      using ada = await Peer.connect(`${url}?user=ada`);
      expect(await ada.sees(2, { event: 'who' })).toEqual(['{"event":"welcome","data":{}}', '"ada"']);
    }));

  it('pings of its own, and what tells that a client is alive', () =>
    moved(HeartbeatOfItsOwn, async (url, { alive }) => {
      using peer = await Peer.connect(url);
      await alive.called(1);
      expect(peer.ws.readyState).toBe(WebSocket.OPEN);
    }));

  it('clients under an id of its own, until they close', () =>
    moved(ClientsById, async (url, { clients }) => {
      using one = await Peer.connect(url);
      using two = await Peer.connect(url);
      one.ws.send('{"event":"whisper","data":{"to":"client-1","text":"psst"}}');
      expect(await two.sees(1)).toEqual(['psst']);
      two.ws.close();
      await expect.poll(() => [...clients.keys()]).toEqual(['client-0']);
    }));

  it('the server that afterInit was given', () =>
    moved(KeepsTheServer, async (url) => {
      using one = await Peer.connect(url);
      using two = await Peer.connect(url);
      expect(await one.sees(1, { event: 'count' })).toEqual(['2']);
      expect(await two.sees(1, { event: 'count' })).toEqual(['2']);
    }));

  it('binary frames, and a callback when they are sent', () =>
    moved(SendsBinary, async (url) => {
      using peer = await Peer.connect(url);
      expect(await peer.sees(2, { event: 'bytes', data: 3 })).toEqual(['\x07\x07\x07', '{"sent":true}']);
    }));

  it('listeners of messages, of the format raw', () =>
    moved(ListensByItself, async (url) => {
      using peer = await Peer.connect(url);
      expect(await peer.sees(2, 'shout', Buffer.from('bytes'))).toEqual(['SHOUT', 'bytes']);
    }));

  it('a subprotocol, and no client without it', () =>
    moved(SpeaksASubprotocol, async (url) => {
      using peer = await Peer.connect(url, ['json-rpc']);
      const call = { jsonrpc: '2.0', id: 1, method: 'add' };
      expect(await peer.sees(1, call)).toEqual(['{"jsonrpc":"2.0","id":1,"result":"add"}']);
      using other = await Peer.connect(url);
      expect(await other.closed).toBe('1006 ');
    }));
});
