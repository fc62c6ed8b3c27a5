import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { FaultProxy, TestClient, TimedOut } from '../src/index.js';
import { answering, plainServer, type PlainServer } from './support/ws-server.js';

const echo = answering((frame) => [frame]);

/** Undefined while the server has not noticed anything. */
function endOf(server: PlainServer): Promise<number> {
  return new Promise((resolve) => server.sockets[0]!.once('close', resolve));
}

async function settledAfterRoundTrip(watched: Promise<unknown>, server: PlainServer): Promise<boolean> {
  let settled = false;
  void watched.then(() => (settled = true));
  // A whole connection made and ended on the same loop: more than enough turns to notice.
  const bystander = await TestClient.connect(server.url);
  await bystander.close();
  return settled;
}

describe('FaultProxy', () => {
  it('passes both ways and counts', async () => {
    await using server = await plainServer(echo);
    await using proxy = await FaultProxy.start(server.port);
    await using client = await TestClient.connect(proxy.url('/chat'));
    client.send({ event: 'e', data: 'x'.repeat(200_000) });
    expect((await client.next()).data).toHaveLength(200_000);
    expect(proxy.counts).toMatchObject({ accepted: 1, open: 1 });
    expect(proxy.counts.bytesUp).toBeGreaterThan(200_000);
    expect(proxy.counts.bytesDown).toBeGreaterThan(200_000);
    expect(await client.close()).toMatchObject({ code: 1000 });
  });

  it('falls silent without ending anything, and passes on what was held back', async () => {
    await using server = await plainServer(echo);
    await using proxy = await FaultProxy.start(server.port);
    await using client = await TestClient.connect(proxy.url());
    proxy.pause();
    client.send({ event: 'held' });
    await expect(client.next('held', 50)).rejects.toBeInstanceOf(TimedOut);
    proxy.resume();
    expect(await client.next('held')).toEqual({ event: 'held' });
  });

  it('loses one answer and its connection, and nothing after that', async () => {
    await using server = await plainServer(echo);
    await using proxy = await FaultProxy.start(server.port);
    const client = await TestClient.connect(proxy.url());
    const end = endOf(server);
    proxy.loseAnswer();
    client.send({ event: 'carried out' });
    expect(await client.closed).toMatchObject({ code: 1006 });
    expect(client.waiting).toEqual([]);
    expect(await end).toBe(1006);
    await using next = await TestClient.connect(proxy.url());
    next.send({ event: 'answered' });
    expect(await next.next()).toEqual({ event: 'answered' });
  });

  it('does not let the end of a client through while it is silent', async () => {
    await using server = await plainServer(echo);
    await using proxy = await FaultProxy.start(server.port);
    await using client = await TestClient.connect(proxy.url());
    const end = endOf(server);
    proxy.pause();
    client.terminate();
    await client.closed;
    expect(await settledAfterRoundTrip(end, server)).toBe(false);
    proxy.resume();
    expect(await end).toBe(1006);
  });

  it('leads newcomers to another server, or nowhere, and leaves those that there are', async () => {
    await using first = await plainServer(echo);
    await using second = await plainServer(echo);
    await using proxy = await FaultProxy.start(first.port);
    await using early = await TestClient.connect(proxy.url());
    proxy.leadTo(second.port);
    await using late = await TestClient.connect(proxy.url());
    proxy.leadTo(undefined);
    await expect(TestClient.connect(proxy.url())).rejects.toThrow();
    expect([first.sockets.length, second.sockets.length, proxy.counts.accepted]).toEqual([1, 1, 3]);
    for (const client of [early, late]) {
      client.send({ event: 'e' });
      expect(await client.next()).toEqual({ event: 'e' });
    }
  });

  it('accepts newcomers while it is silent, and connects them afterwards', async () => {
    await using server = await plainServer(echo);
    await using proxy = await FaultProxy.start(server.port);
    proxy.pause();
    const refused = TestClient.connect(proxy.url(), { timeoutMs: 50 });
    await expect(refused).rejects.toMatchObject({ closeCode: 1006 });
    const connecting = TestClient.connect(proxy.url());
    proxy.resume();
    await using client = await connecting;
    expect(await client.request('e')).toMatchObject({ event: 'e' });
  });

  it('resets both ends', async () => {
    await using server = await plainServer(echo);
    await using proxy = await FaultProxy.start(server.port);
    await using client = await TestClient.connect(proxy.url());
    const end = endOf(server);
    proxy.reset();
    expect(await client.closed).toMatchObject({ code: 1006 });
    expect(await end).toBe(1006);
    expect(proxy.counts.open).toBe(0);
  });

  it('cuts both ends without a close frame, even when silent', async () => {
    await using server = await plainServer(echo);
    await using proxy = await FaultProxy.start(server.port);
    await using client = await TestClient.connect(proxy.url());
    const end = endOf(server);
    proxy.pause();
    proxy.cut();
    expect(await client.closed).toMatchObject({ code: 1006 });
    expect(await end).toBe(1006);
  });

  it('resets a client when there is no server', async () => {
    const server = await plainServer(echo);
    await using proxy = await FaultProxy.start(server.port);
    await server[Symbol.asyncDispose]();
    await expect(TestClient.connect(proxy.url())).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
  });

  it('drops everything when closed, twice if need be', async () => {
    await using server = await plainServer(echo);
    const proxy = await FaultProxy.start(server.port);
    await using client = await TestClient.connect(proxy.url());
    const url = proxy.url();
    await proxy.close();
    await proxy.close();
    await client.closed;
    await expect(TestClient.connect(url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    if (server.sockets[0]!.readyState !== server.sockets[0]!.CLOSED) await once(server.sockets[0]!, 'close');
    expect(server.sockets).toHaveLength(1);
  });
});
