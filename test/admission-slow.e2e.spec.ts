import { Agent, get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { HoldfastModule } from '@holdfast/gateway';
import { HoldfastTestApp, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Gate, granted, registryOf, serverOf, start } from './support/admission.js';

const handshakeTimeoutMs = 200;

@WebSocketGateway({ path: '/ours' })
class OurGateway {
  @SubscribeMessage('hello')
  hello(): string {
    return 'hello';
  }
}

const slow = new Gate();

@Controller()
class PageController {
  @Get('page')
  page(): string {
    return 'a page';
  }

  @Get('slow')
  async slow(): Promise<string> {
    await slow.pass();
    return 'at last';
  }
}

function startServer(extra: Partial<Parameters<typeof start>[0]> = {}): Promise<HoldfastTestApp> {
  const options = { admission: { handshakeTimeoutMs, maxConnectionsPerIp: Infinity } };
  return start({ gateways: [OurGateway], controllers: [PageController], options, ...extra });
}

function dial({ port }: HoldfastTestApp): Socket {
  return connect(port, '127.0.0.1').on('error', () => undefined);
}

/** Milliseconds until the server ends the connection, and what it said before. */
async function fate(socket: Socket): Promise<{ said: string; afterMs: number }> {
  const begun = performance.now();
  const said = (await buffer(socket).catch(() => Buffer.alloc(0))).toString();
  return { said, afterMs: performance.now() - begun };
}

async function page(app: HoldfastTestApp, agent: Agent, path = '/page'): Promise<{ text: string; socket: Socket }> {
  const request = get(app.httpUrl(path), { agent });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { text: (await buffer(response)).toString(), socket: response.socket };
}

describe('PROTOCOL.md 2.3: a peer that does not get round to a request', () => {
  it.each([
    ['never sends a byte', ''],
    ['sends half a request line', 'GET /ou'],
    ['sends half of the headers', 'GET /ours HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnec'],
  ])('and %s is cut without an answer', async (_, bytes) => {
    await using app = await startServer();
    const socket = dial(app);
    socket.write(bytes);
    const { said, afterMs } = await fate(socket);
    expect(said).toBe('');
    expect(afterMs).toBeGreaterThan(handshakeTimeoutMs / 2);
    expect(afterMs).toBeLessThan(5_000);
  });

  it('and sends one byte now and then is cut all the same', async () => {
    await using app = await startServer();
    const socket = dial(app);
    const drip = setInterval(() => socket.write('G'), 20);
    try {
      expect((await fate(socket)).afterMs).toBeLessThan(5_000);
    } finally {
      clearInterval(drip);
    }
  });
});

describe('ordinary HTTP on the same server', () => {
  it('keeps its connection alive for longer than the deadline, between requests and during a slow one', async () => {
    await using app = await startServer();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = await page(app, agent);
    const answering = page(app, agent, '/slow');
    await slow.reached;
    // A silent peer that came later has been cut: the deadline of the others would have come, too.
    for (let waited = 0; waited < 2; waited++) await fate(dial(app));
    slow.open();
    const second = await answering;
    for (let waited = 0; waited < 2; waited++) await fate(dial(app));
    const third = await page(app, agent);
    expect([first.text, second.text, third.text]).toEqual(['a page', 'at last', 'a page']);
    expect(second.socket).toBe(first.socket);
    expect(third.socket).toBe(first.socket);
    agent.destroy();
  });

  it('may be followed by an upgrade on the same connection', async () => {
    await using app = await startServer();
    const socket = dial(app);
    socket.write('GET /page HTTP/1.1\r\nHost: x\r\n\r\n');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toContain('a page');
    socket.write(
      'GET /ours HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('101 Switching Protocols');
    expect(answer.toString()).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    socket.destroy();
  });
});

describe('a server with TLS', () => {
  /** A shared key instead of a certificate: nothing to make, nothing to expire. */
  const identity = { psk: Buffer.from('a key both ends have'), identity: 'client' };
  const httpsOptions = { pskCallback: () => identity.psk, ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
  const client = { pskCallback: () => identity, ciphers: 'PSK', checkServerIdentity: () => undefined };

  async function startTls(): Promise<HoldfastTestApp> {
    @Module({
      imports: [HoldfastModule.forRoot({ admission: { handshakeTimeoutMs } })],
      controllers: [PageController],
      providers: [OurGateway],
    })
    class TlsModule {}
    return HoldfastTestApp.start(() =>
      NestFactory.create(TlsModule, { logger: false, httpsOptions: { ...httpsOptions } }),
    );
  }

  it('cuts who is silent before or after the TLS handshake, and nobody else', async () => {
    await using app = await startTls();
    const ws = new WebSocket(`wss://127.0.0.1:${app.port}/ours`, {
      createConnection: () => connectTls({ port: app.port, host: '127.0.0.1', ...client }),
      origin: `https://127.0.0.1:${app.port}`,
    });
    await once(ws, 'open');
    const browsing = connectTls({ port: app.port, host: '127.0.0.1', ...client });
    browsing.write('GET /page HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(browsing, 'data');

    const silentTls = connectTls({ port: app.port, host: '127.0.0.1', ...client }).on('error', () => undefined);
    expect((await fate(silentTls)).said).toBe('');
    expect((await fate(dial(app))).said).toBe('');

    browsing.write('GET /page HTTP/1.1\r\nHost: x\r\n\r\n');
    const [chunk] = (await once(browsing, 'data')) as [Buffer];
    expect(chunk.toString()).toContain('a page');
    browsing.destroy();
    ws.send('{"event":"hello","id":1}');
    const [answer] = (await once(ws, 'message')) as [Buffer];
    expect(JSON.parse(answer.toString())).toMatchObject({ data: 'hello' });
    const [connection] = [...registryOf(app)];
    expect(connection?.handshake).toMatchObject({ secure: true, ip: '127.0.0.1' });
    ws.terminate();
  });
});

describe('hostile request targets followed by a reset', () => {
  const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

  it.each([
    ['GET //', '//', 'x'],
    ['an address without a host', 'http://', 'x'],
    ['half an address', 'http://[', 'x'],
    ['an asterisk', '*', 'x'],
    ['Host: [', '/ours', '['],
    ['half an escape', '/%', 'x'],
    ['a path of 16 KB', `/${'a'.repeat(16_000)}`, 'x'],
    ['eight thousand parameters', `/ours?${'&'.repeat(8_000)}`, 'x'],
  ])('%s', async (_, target, host) => {
    await using app = await startServer();
    const server = serverOf(app);
    await using before = await TestClient.connect(app.url('/ours'));
    const request =
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    const opened = openSockets();
    for (let attempt = 0; attempt < 30; attempt++) {
      const accepted = once(server, 'connection') as Promise<[Socket]>;
      const socket = dial(app);
      const [served] = await accepted;
      const ended = new Promise((resolve) => served.once('close', resolve));
      socket.write(request, () => socket.resetAndDestroy());
      await ended;
    }
    expect(await before.request('hello')).toMatchObject({ data: 'hello' });
    (await granted(app.url('/ours'))).socket.destroy();
    expect(openSockets()).toBeLessThan(opened + 5);
  });
});
