import { describe, expect, it } from 'vitest';
import { NodeClient, nextEvent, ObservedSocket } from './support/client-node.js';
import { BareServer } from './support/client-node-bare-server.js';

const ping = JSON.stringify({ event: '$ping', data: { n: 1 } });
const refresh = JSON.stringify({ event: '$refresh', data: { expiresInMs: 60_000 } });
const drainAtOnce = JSON.stringify({ event: '$drain', data: { retryAfterMs: 0, windowMs: 0, reason: 'at once' } });

/** Lets the client read that many frames, from a server that reads nothing itself. */
async function flood(server: BareServer, { client }: NodeClient, frame: string, times: number): Promise<void> {
  const { socket, tcp } = await server.next();
  tcp.pause();
  const read = nextEvent(client, 'last');
  for (let i = 0; i < times; i++) socket.send(frame);
  socket.send(JSON.stringify({ event: 'last' }));
  await read;
}

describe('a hostile server', () => {
  it('that pings and does not read has no more than one answer waiting (PROTOCOL.md 8.6)', async () => {
    await using server = await BareServer.start();
    using node = await NodeClient.open(server.url, { WebSocket: ObservedSocket });
    await flood(server, node, ping, 400_000);
    // 17 MB of answers, of which both kernels swallow 4 MB.
    expect(ObservedSocket.last?.bufferedAmount).toBeLessThan(100);
    expect(node.client.state).toBe('open');
  });

  it('that asks for fresh tokens without end gets one at a time (PROTOCOL.md 9.7)', async () => {
    await using server = await BareServer.start();
    let asked = 0;
    using node = await NodeClient.open(server.url, { token: () => `t${++asked}` });
    await flood(server, node, refresh, 20_000);
    expect(asked).toBe(2);
    expect(node.client.state).toBe('open');
  });

  it('that drains every client at once is not met in a loop (PROTOCOL.md 10.2)', async () => {
    await using server = await BareServer.start();
    const ports = { random: { next: () => 0.5 } };
    using node = new NodeClient(server.url, { backoff: {}, ports });
    node.client.connect();
    for (const shortestMs of [0, 1_500]) {
      const { socket } = await server.next();
      const before = Date.now();
      socket.send(drainAtOnce);
      socket.close(1012);
      const { nextAttemptAt } = await node.change('waiting');
      expect(nextAttemptAt).toBeGreaterThanOrEqual(before + shortestMs);
    }
  });

  it.each(['1e15', '1e308', '1e400'])('that asks for a wait of %s ms gets five minutes (12.2)', async (number) => {
    await using server = await BareServer.start();
    using node = await NodeClient.open(server.url);
    const { socket } = await server.next();
    socket.send(`{"event":"$drain","data":{"retryAfterMs":${number},"windowMs":${number},"reason":""}}`);
    socket.close(1012);
    const { nextAttemptAt } = await node.change('waiting');
    expect(nextAttemptAt).toBeLessThanOrEqual(Date.now() + 600_000);
  });

  it('never sees a token that is none: the attempt has failed before', async () => {
    await using server = await BareServer.start();
    // Safe: what the type forbids is what is tested.
    using node = NodeClient.connecting(server.url, { token: (() => 1n) as never });
    expect(await node.change('waiting')).toMatchObject({ cause: 'token', error: { code: 'TOKEN_PROVIDER_FAILED' } });
  });
});
