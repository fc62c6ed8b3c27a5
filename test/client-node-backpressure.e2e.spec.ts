import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { NodeClient, ObservedSocket } from './support/client-node.js';
import { BareServer } from './support/client-node-bare-server.js';

const maxBytes = 200_000;
/** What the sockets of both kernels swallow before anything waits here; 4 MB have been seen. */
const swallowedBytes = 64 * 1_048_576;

it('refuses more than the outbox may hold while the server does not read, and delivers what it took', async () => {
  await using server = await BareServer.start();
  using node = await NodeClient.open(server.url, { WebSocket: ObservedSocket, outbox: { maxBytes } });
  const { client } = node;
  const { socket, tcp } = await server.next();
  tcp.pause();
  const numbers: number[] = [];
  // A Buffer, as text messages of `ws` are.
  socket.on('message', (frame) => numbers.push((JSON.parse((frame as Buffer).toString()) as Note).data.n));

  const ballast = 'x'.repeat(50_000);
  let taken = 0;
  while (client.emit('note', { n: taken, ballast })) {
    taken++;
    expect(taken * ballast.length).toBeLessThan(swallowedBytes);
    // Sockets write when it is their turn.
    await turn();
  }
  expect(ObservedSocket.last?.bufferedAmount).toBeGreaterThan(maxBytes - 2 * ballast.length);
  expect(client.droppedMessages).toBe(1);

  const before = process.memoryUsage().rss;
  let surprises = 0;
  for (let i = 0; i < 6_000; i++) {
    if (client.emit('note', { n: -1, ballast })) surprises++;
    // A loop that stands still for seconds would make the client ask whether the server is still there.
    if (i % 50 === 0) await turn();
  }
  expect(surprises).toBe(0);
  await expect(client.request('note', { n: -1, ballast })).rejects.toMatchObject({ code: 'OUTBOX_FULL' });
  expect(client.droppedMessages).toBe(6_002);
  // They were 300 MB.
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1_048_576);
  expect(ObservedSocket.last?.bufferedAmount).toBeLessThan(maxBytes + 1_000);
  expect(client.state).toBe('open');

  tcp.resume();
  while (numbers.length < taken) await once(socket, 'message');
  expect(numbers).toEqual(Array.from({ length: taken }, (_, i) => i));
  // There is room again.
  expect(client.emit('note', { n: taken, ballast })).toBe(true);
  await once(socket, 'message');
  expect(numbers.at(-1)).toBe(taken);
});

interface Note {
  readonly data: { readonly n: number };
}
