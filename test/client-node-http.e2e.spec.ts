import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HoldfastOptions } from '@holdfast/gateway';
import { type HoldfastTestApp, ManualClock } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { create, Gate, serverOf } from './support/admission.js';
import { boot } from './support/boot.js';
import { NodeClient } from './support/client-node.js';
import { DeskGateway, deskPath } from './support/client-node-gateway.js';

function start(admission: HoldfastOptions['admission'] = {}): Promise<HoldfastTestApp> {
  return boot({ options: { admission }, providers: [DeskGateway] });
}

/** What `ws` says of it; a browser would not. */
function refusedWith(status: number): object {
  return {
    from: 'connecting',
    cause: 'network',
    code: 1006,
    reason: expect.stringContaining(String(status)) as string,
  };
}

describe('a handshake that is refused before the 101', () => {
  it('with 503, because the server is still booting: comes back until it is ready', async () => {
    const gate = new Gate();
    const app = await create({
      gateways: [DeskGateway],
      providers: [{ provide: 'SLOW', useValue: { onModuleInit: () => gate.pass() } }],
    });
    const server = serverOf({ app });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const booting = app.init();
    await gate.reached;
    // Listening on TCP, so neither a pipe's name nor null.
    const { port } = server.address() as AddressInfo;
    using node = NodeClient.connecting(`ws://127.0.0.1:${port}${deskPath}`);
    const waiting = node.client.request('echo', 'at last');
    expect(await node.change('waiting')).toMatchObject({ ...refusedWith(503), error: { code: 'NOT_READY' } });
    gate.open();
    await booting;
    await node.change('open');
    expect(await waiting).toBe('at last');
    node.client.close();
    await app.close();
  });

  it('with 429, because the address has too many connections: comes back until one is free', async () => {
    await using app = await start({ maxConnectionsPerIp: 1 });
    using first = await NodeClient.open(app.url(deskPath));
    using second = NodeClient.connecting(app.url(deskPath));
    expect(await second.change('waiting')).toMatchObject(refusedWith(429));
    expect(await second.change('waiting')).toMatchObject({ ...refusedWith(429), attempts: 1 });
    first.client.close();
    await second.change('open');
  });

  it('with 429, because the address connects too often: comes back until it may', async () => {
    await using app = await start({ handshakeRate: { limit: 1, windowMs: 1_000 } });
    using first = await NodeClient.open(app.url(deskPath));
    using second = NodeClient.connecting(app.url(deskPath), { backoff: { firstMs: 500, maxMs: 4_000 } });
    const error = { code: 'HANDSHAKE_RATE_LIMITED', retryAfterMs: expect.any(Number) as number };
    expect(await second.change('waiting')).toMatchObject({ ...refusedWith(429), error });
    await second.change('open');
    expect(first.client.state).toBe('open');
  });

  it('with 404 within seconds: comes back as often as it may, and then fails', async () => {
    await using app = await start();
    const backoff = { firstMs: 10, maxMs: 20, maxAttempts: 3 };
    using node = NodeClient.connecting(app.url('/nowhere'), { backoff });
    for (const attempts of [0, 1, 2]) {
      expect(await node.change('waiting')).toMatchObject({ ...refusedWith(404), attempts });
    }
    expect(await node.change('failed')).toMatchObject({ ...refusedWith(404), cause: 'attempts', attempts: 3 });
    expect(node.client.emit('note')).toBe(false);
  });

  /** In minutes that pass at once. */
  function slowly(url: string): { node: NodeClient; clock: ManualClock } {
    const clock = new ManualClock();
    const ports = { clock, random: { next: () => 0.5 } };
    return { node: NodeClient.connecting(url, { ports, backoff: { firstMs: 20_000, maxMs: 80_000 } }), clock };
  }

  it('with 404 and PATH_NOT_FOUND three times in a row, at least 30 s apart: fails', async () => {
    await using app = await start();
    const { node, clock } = slowly(app.url('/nowhere'));
    const missing = { ...refusedWith(404), error: { code: 'PATH_NOT_FOUND' } };
    // After 0 s, 10 s, which is too soon to count, and 40 s.
    for (const waitMs of [10_000, 30_000, 40_000]) {
      expect(await node.change('waiting')).toMatchObject(missing);
      clock.advance(waitMs);
    }
    expect(await node.change('failed')).toMatchObject(missing);
    // It does not start over by itself.
    expect(clock.pending).toBe(0);
    node.client.close();
  });

  it('with 404 by something that is no gateway of ours, such as a proxy during a deploy: comes back', async () => {
    const page = `<h1>Not found</h1>${' '.repeat(100_000)}`;
    const server = createServer();
    server.on('upgrade', (_request, socket) => {
      socket.on('error', () => undefined);
      socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${page.length}\r\n\r\n${page}`);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { node, clock } = slowly(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (let times = 0; times < 6; times++) {
      const change = await node.change('waiting');
      expect(change).toMatchObject(refusedWith(404));
      expect(change.error).toBeUndefined();
      clock.advance((change.nextAttemptAt ?? 0) - clock.wallNow());
    }
    node.client.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  it.each([200, 302, 401, 500, 502])('with %i by something that is no server of ours: comes back', async (status) => {
    const server = createServer((_request, response) => response.writeHead(status).end());
    server.on('upgrade', (_request, socket) => socket.end(`HTTP/1.1 ${status} Whatever\r\nContent-Length: 0\r\n\r\n`));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    using node = NodeClient.connecting(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await node.change('waiting')).toMatchObject(refusedWith(status));
    node.client.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  it('or by nobody at all, comes back', async () => {
    // Of a service that nobody runs any more, and outside of those that a system hands out.
    using node = NodeClient.connecting('ws://127.0.0.1:1');
    expect(await node.change('waiting')).toMatchObject({ cause: 'network', code: 1006 });
  });
});
