import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type CanActivate, UseGuards } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Connection } from '@holdfast/gateway';
import { type HoldfastTestApp, rawUpgrade, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { Gate, refused, registryOf, serverOf, start } from './support/admission.js';
import { LogRecorder } from './support/log-recorder.js';

@WebSocketGateway({ path: '/ours' })
class OurGateway {
  @SubscribeMessage('who')
  who(@ConnectedSocket() { id }: Connection): string {
    return id;
  }
}

/** What a legacy endpoint beside Nest looks like. */
function echoing(server: WebSocketServer): WebSocketServer {
  return server.on('connection', (ws) => ws.on('message', (data: Buffer) => ws.send(data.toString())));
}

/** As the documentation of ws tells to share a server. */
function routed(http: Server, path: string): WebSocketServer {
  const server = echoing(new WebSocketServer({ noServer: true }));
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url !== path) return;
    server.handleUpgrade(request, socket, head, (ws) => server.emit('connection', ws, request));
  });
  return server;
}

async function echoes(app: HoldfastTestApp, path: string): Promise<void> {
  await using client = await TestClient.connect(app.url(path));
  client.send({ event: 'said', data: 1 });
  expect(await client.next('said')).toEqual({ event: 'said', data: 1 });
}

async function answers(app: HoldfastTestApp): Promise<void> {
  await using client = await TestClient.connect(app.url('/ours'));
  expect(await client.request('who')).toMatchObject({ event: '$reply' });
}

const handshakeTimeoutMs = 300;

describe('another WebSocket server on the same HTTP server', () => {
  it.each(['before', 'after'] as const)('works when it was there %s us, and so do we', async (when) => {
    await using app = await start({
      gateways: [OurGateway],
      configure: (nest) => {
        if (when === 'before') routed(serverOf({ app: nest }), '/theirs');
      },
    });
    if (when === 'after') routed(serverOf(app), '/theirs');
    await echoes(app, '/theirs');
    await answers(app);
    await echoes(app, '/theirs');
  });

  it.each(['before', 'after'] as const)(
    'keeps a connection that says nothing for longer than our deadline (there %s us)',
    async (when) => {
      const options = { admission: { handshakeTimeoutMs } };
      const attach = (server: Server): WebSocketServer =>
        echoing(new WebSocketServer({ server, path: '/theirs' })).on('error', () => undefined);
      await using app = await start({
        gateways: [OurGateway],
        options,
        configure: (nest) => {
          if (when === 'before') attach(serverOf({ app: nest }));
        },
      });
      if (when === 'after') attach(serverOf(app));
      await using theirs = await TestClient.connect(app.url('/theirs'));
      // Belongs to nobody, and is answered by the other server when it comes to it.
      await rawUpgrade(app.url('/nowhere'));
      await elapsed(app, handshakeTimeoutMs * 2);
      theirs.send({ event: 'still', data: 'here' });
      expect(await theirs.next('still')).toEqual({ event: 'still', data: 'here' });
    },
  );

  it.each(['before', 'after'] as const)('may begin its answer and end it when it likes (there %s us)', async (when) => {
    const taken: Duplex[] = [];
    const attach = (server: Server): Server =>
      server.on('upgrade', (_request: IncomingMessage, socket: Duplex) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\n');
        taken.push(socket);
      });
    await using app = await start({
      options: { admission: { handshakeTimeoutMs } },
      gateways: [OurGateway],
      configure: (nest) => {
        if (when === 'before') attach(serverOf({ app: nest }));
      },
    });
    if (when === 'after') attach(serverOf(app));
    const answering = rawUpgrade(app.url('/theirs'));
    await elapsed(app, handshakeTimeoutMs * 2);
    taken[0]?.write('Upgrade: else\r\n\r\n');
    const answer = await answering;
    expect(answer).toMatchObject({ upgraded: true, headers: { upgrade: 'else' } });
    taken[0]?.destroy();
  });

  it('an upgrade that nobody answers gets its 404 after the deadline of a handshake', async () => {
    await using app = await start({ gateways: [OurGateway], options: { admission: { handshakeTimeoutMs } } });
    routed(serverOf(app), '/theirs');
    const begun = performance.now();
    expect(await refused(app.url('/nowhere'))).toMatchObject({ status: 404, code: 'PATH_NOT_FOUND' });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(handshakeTimeoutMs - 1);
  });

  it('may take longer than our deadline to decide about its own, if it has begun to answer', async () => {
    await using app = await start({ gateways: [OurGateway], options: { admission: { handshakeTimeoutMs } } });
    const late = new Gate();
    const server = echoing(new WebSocketServer({ noServer: true }));
    serverOf(app).on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Whoever waits for bytes of the client has taken the socket, too.
      const listen = (): void => undefined;
      socket.on('data', listen);
      void late.pass().then(() => {
        socket.off('data', listen);
        server.handleUpgrade(request, socket, head, (ws) => server.emit('connection', ws, request));
      });
    });
    const connecting = TestClient.connect(app.url('/theirs'));
    await late.reached;
    await elapsed(app, handshakeTimeoutMs * 2);
    late.open();
    await using client = await connecting;
    client.send({ event: 'said' });
    expect(await client.next('said')).toEqual({ event: 'said' });
  });
});

describe('another WebSocket server that takes our path from us', () => {
  class Refusing implements CanActivate {
    canActivate(): boolean {
      return false;
    }
  }

  @UseGuards(Refusing)
  @WebSocketGateway({ path: '/refusing' })
  class RefusingGateway {}

  it.each(['/ours', '/refusing'])(
    'keeps what it has upgraded on %s: nothing of ours is written into it, and we say what is wrong',
    async (path) => {
      const logger = new LogRecorder();
      await using app = await start({ gateways: [OurGateway, RefusingGateway], logger });
      echoing(new WebSocketServer({ server: serverOf(app) }));
      await using client = await TestClient.connect(app.url(path));
      client.send({ event: 'said', data: 1 });
      expect(await client.nextFrame()).toEqual({ data: Buffer.from('{"event":"said","data":1}'), isBinary: false });
      expect(registryOf(app).size).toBe(0);
      expect(logger.of('warn').join()).toContain(`answered a request for ${path}, which belongs to a gateway`);
    },
  );

  it('gives no place away for ever when it refuses what is ours', async () => {
    await using app = await start({ gateways: [OurGateway], options: { admission: { maxConnections: 1 } } });
    const greedy = new WebSocketServer({ server: serverOf(app), path: '/theirs' });
    for (let attempt = 0; attempt < 5; attempt++) {
      expect(await rawUpgrade(app.url('/ours'))).toMatchObject({ status: 400 });
    }
    greedy.close();
    await once(greedy, 'close');
    await answers(app);
  });
});

/** Lets the time pass that deadlines of the application would need to come. */
async function elapsed(app: HoldfastTestApp, ms: number): Promise<void> {
  // A peer that says nothing is cut at the deadline: a second one that came later is proof that time has passed.
  const until = performance.now() + ms;
  while (performance.now() < until) await once(silentPeer(app).resume(), 'close');
}

function silentPeer({ port }: HoldfastTestApp): Socket {
  return connect(port, '127.0.0.1').on('error', () => undefined);
}
