import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type INestApplicationContext, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, ConnectionRegistry, HoldfastModule } from '@holdfast/gateway';
import { rawUpgrade, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { create, refused, start } from './support/admission.js';
import { selfSigned } from './support/certificate.js';
import { failureOf, requires } from './support/requirement.js';

async function listening(port = 0): Promise<Server> {
  const server = createServer().listen(port);
  await once(server, 'listening');
  return server;
}

async function portOf(server: Server): Promise<number> {
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function gatewayAt(port: number, path = '/own', more: object = {}): Type {
  @WebSocketGateway(port, { path, ...more })
  class OwnPortGateway {
    @SubscribeMessage('path')
    path(@ConnectedSocket() { handshake }: Connection): string {
      return handshake.path;
    }
  }
  return OwnPortGateway;
}

const describeWithTls = requires('openssl', () => failureOf('openssl', ['version']));

describeWithTls('a gateway on a port of its own', () => {
  it('speaks TLS with what it is given', async () => {
    const port = await portOf(await listening());
    const tls = selfSigned();
    await using app = await start({ gateways: [gatewayAt(port, '/own', { tls })] });
    const socket = new WebSocket(`wss://127.0.0.1:${port}/own`, { rejectUnauthorized: false });
    await once(socket, 'open');
    socket.send('{"event":"path","id":1}');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(answer.toString())).toMatchObject({ data: '/own' });
    socket.terminate();
    await app.close();
  });
});

describe('a gateway on a port of its own', () => {
  it('is there and nowhere else, as soon as the application is initialised', async () => {
    const port = await portOf(await listening());

    @WebSocketGateway({ path: '/shared' })
    class SharedGateway {}

    await using app = await start({ gateways: [gatewayAt(port), SharedGateway] });
    await using client = await TestClient.connect(`ws://127.0.0.1:${port}/own`);
    expect(await client.request('path')).toMatchObject({ data: '/own' });
    expect(await refused(app.url('/own'))).toMatchObject({ status: 404 });
    expect(await refused(`ws://127.0.0.1:${port}/shared`)).toMatchObject({ status: 404 });
    client.terminate();
  });

  it('answers plain HTTP with 426', async () => {
    const port = await portOf(await listening());
    await using app = await start({ gateways: [gatewayAt(port)] });
    for (const [path, init] of [
      ['/own', {}],
      ['/', {}],
      ['/own', { method: 'POST', body: 'x' }],
    ] as const) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
      expect(response.status).toBe(426);
      expect(response.headers.get('upgrade')).toBe('websocket');
      expect(response.headers.get('sec-websocket-version')).toBe('13');
      expect(await response.json()).toMatchObject({ error: { code: 'UPGRADE_REQUIRED' } });
    }
    const notUpgrading = await rawUpgrade(`ws://127.0.0.1:${port}/own`, { headers: { Connection: 'close' } });
    expect(notUpgrading).toMatchObject({ status: 426 });
    await app.close();
  });

  it('listens on its host alone', async () => {
    const port = await portOf(await listening());
    await using app = await start({ gateways: [gatewayAt(port, '/own', { host: '127.0.0.2' })] });
    await using client = await TestClient.connect(`ws://127.0.0.2:${port}/own`);
    expect(await client.request('path')).toMatchObject({ data: '/own' });
    await expect(TestClient.connect(`ws://127.0.0.1:${port}/own`)).rejects.toThrow(/ECONNREFUSED/);
    client.terminate();
    await app.close();
  });

  it.each<[object, object, RegExp]>([
    [{ host: '127.0.0.1' }, {}, /have to be the same for all gateways on port/],
    [{ host: '127.0.0.1' }, { host: '127.0.0.2' }, /have to be the same for all gateways on port/],
  ])('has one host and one certificate: %j and %j stop the boot', async (first, second, message) => {
    const port = await portOf(await listening());
    const app = await create({ gateways: [gatewayAt(port, '/one', first), gatewayAt(port, '/two', second)] });
    await expect(app.init()).rejects.toThrow(message);
    await app.close();
  });

  it('is needed for a host', async () => {
    const app = await create({ gateways: [gatewayAt(0, '/own', { host: '127.0.0.1' })] });
    await expect(app.init()).rejects.toThrow(/sets host or tls without a port of its own/);
    await app.close();
  });

  it('shares it with other gateways by path', async () => {
    const port = await portOf(await listening());
    await using app = await start({ gateways: [gatewayAt(port, '/one'), gatewayAt(port, '/two')] });
    for (const path of ['/one', '/two']) {
      await using client = await TestClient.connect(`ws://127.0.0.1:${port}${path}`);
      expect(await client.request('path')).toMatchObject({ data: path });
    }
    await app.close();
  });

  it('frees the port when the application closes, however many are connected', async () => {
    const port = await portOf(await listening());
    const app = await start({ gateways: [gatewayAt(port)] });
    await using one = await TestClient.connect(`ws://127.0.0.1:${port}/own`);
    await using two = await TestClient.connect(`ws://127.0.0.1:${port}/own`);
    await app.close();
    expect(await Promise.all([one.closed, two.closed])).toMatchObject([{ code: 1012 }, { code: 1012 }]);
    const next = await listening(port);
    next.close();
    await once(next, 'close');
  });

  it('that is taken stops the boot, and no other port stays open', async () => {
    const taken = await listening();
    const { port } = taken.address() as AddressInfo;
    const free = await portOf(await listening());
    const app = await create({ gateways: [gatewayAt(port), gatewayAt(free)] });
    await expect(app.init().then(() => 'booted')).rejects.toMatchObject({
      code: 'PORT_UNAVAILABLE',
      message: expect.stringContaining(String(port)) as string,
      cause: expect.objectContaining({ code: 'EADDRINUSE' }) as Error,
    });
    const next = await listening(free);
    next.close();
    taken.close();
    await app.close();
  });

  it.each([70_000, -1])('port %d stops the boot', async (port) => {
    const app = await create({ gateways: [gatewayAt(port)] });
    await expect(app.init().then(() => 'booted')).rejects.toMatchObject({
      code: 'INVALID_GATEWAY',
      message: expect.stringContaining('OwnPortGateway sets port') as string,
    });
    await app.close();
  });
});

describe('an application without a server', () => {
  it('can use the module, for scripts that share its modules with the service', async () => {
    @WebSocketGateway({ path: '/a' })
    class AGateway {}

    @Module({ imports: [HoldfastModule.forRoot({})], providers: [AGateway] })
    class ScriptModule {}

    const context: INestApplicationContext = await NestFactory.createApplicationContext(ScriptModule, {
      logger: false,
    });
    expect(context.get(ConnectionRegistry).size).toBe(0);
    await context.close();
  });
});
