import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ConnectionRegistry } from '@holdfast/gateway';
import { TestClient } from '@holdfast/testing';
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Calls, expectNoCrash, Fenced, gate, serve, untilQuiet } from './support/dispatch.js';

expectNoCrash();

const frameCount = 5_000;
/** What Node reads from a socket at once: frames that came in with the last one that fitted. */
const readBytes = 65_536;

/** Blocks on its first message, and answers every one with the number in it. */
function countingGateway() {
  const first = gate();
  const handled = new Calls<number>();
  @WebSocketGateway({ path: '/count' })
  class CountGateway extends Fenced {
    @SubscribeMessage('count')
    async count(@MessageBody('n') n: number): Promise<number> {
      if (handled.seen.length === 0) await first.promise;
      handled.add(n);
      return n;
    }
  }
  return { first, handled, CountGateway };
}

/** Not a TestClient: this one tells how much waits in it. */
async function connect(url: string): Promise<{ socket: WebSocket; replies: Calls<unknown> }> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const replies = new Calls<unknown>();
  socket.on('message', (data: Buffer) => {
    replies.add(JSON.parse(data.toString()));
  });
  await once(socket, 'open');
  return { socket, replies };
}

function sendAll(socket: WebSocket, padding: string): void {
  for (let n = 0; n < frameCount; n++) socket.send(JSON.stringify({ event: 'count', id: n, data: { n, padding } }));
}

const inOrder = Array.from({ length: frameCount }, (_, n) => n);
const answersInOrder = inOrder.map((n) => ({ event: '$reply', id: n, data: n }));

describe('5,000 frames at once from one client (PROTOCOL 11.3)', () => {
  it('are handled and answered in order', async () => {
    const { first, handled, CountGateway } = countingGateway();
    await using served = await serve([CountGateway]);
    const { socket, replies } = await connect(served.url('/count'));
    sendAll(socket, '');
    await vi.waitFor(() => {
      expect(served.counters.get('paused', 'inbox')).toBe(1);
    });
    expect(replies.seen).toEqual([]);
    first.open();
    await replies.called(frameCount);
    expect(handled.seen).toEqual(inOrder);
    expect(replies.seen).toEqual(answersInOrder);
    // It was read in turns: paused above the mark, resumed below half of it.
    expect(served.counters.get('paused', 'inbox')).toBeGreaterThan(1);
    socket.terminate();
  });

  it('are handled in order by a handler that is not asynchronous, too', async () => {
    const first = gate();
    const handled: number[] = [];
    @WebSocketGateway({ path: '/sync' })
    class SyncGateway extends Fenced {
      @SubscribeMessage('wait')
      wait(): Promise<void> {
        return first.promise;
      }

      @SubscribeMessage('count')
      count(@MessageBody('n') n: number): number {
        handled.push(n);
        return n;
      }
    }
    await using served = await serve([SyncGateway], { options: { messages: { inboxMessages: 2 * frameCount } } });
    const { socket, replies } = await connect(served.url('/sync'));
    const [connection] = served.get(ConnectionRegistry);
    socket.send(JSON.stringify({ event: 'wait' }));
    sendAll(socket, '');
    await vi.waitFor(() => {
      expect(connection!.stats.messagesIn).toBe(1 + frameCount);
    });
    // All of them wait, and each ends within the call that begins it: that must not nest 5,000 deep.
    first.open();
    await replies.called(frameCount);
    expect(handled).toEqual(inOrder);
    expect(replies.seen).toEqual(answersInOrder);
    socket.terminate();
  });

  it('stay with the client while a handler is blocked, and nobody else is disturbed', async () => {
    const { first, handled, CountGateway } = countingGateway();
    const inboxMessages = 64;
    await using served = await serve([CountGateway], {
      options: { messages: { inboxMessages, bytesPerSecond: Infinity } },
    });
    const { socket, replies } = await connect(served.url('/count'));
    const [connection] = served.get(ConnectionRegistry);
    const frameBytes = 8_192;
    sendAll(socket, 'x'.repeat(frameBytes));
    const sentBytes = socket.bufferedAmount;
    await vi.waitFor(() => {
      expect(served.counters.get('paused', 'inbox')).toBe(1);
    });
    const read = connection!.stats.messagesIn;

    // A hundred round trips of somebody else: time enough for what would still move.
    await using other = await TestClient.connect(served.url('/count'));
    for (let round = 0; round < 100; round++) expect(await untilQuiet(other)).toEqual([]);

    // One is being handled, the inbox is full, and the rest of what was read with the last one came along.
    expect(read).toBeLessThanOrEqual(1 + inboxMessages + Math.ceil(readBytes / frameBytes));
    expect(connection!.stats.messagesIn).toBe(read);
    expect(handled.seen).toEqual([]);
    // The kernel holds some megabytes for both ends; all else is where it came from.
    expect(socket.bufferedAmount).toBeGreaterThan(sentBytes / 2);

    first.open();
    await replies.called(frameCount);
    expect(handled.seen).toEqual(inOrder);
    expect(replies.seen).toEqual(answersInOrder);
    expect(socket.bufferedAmount).toBe(0);
    socket.terminate();
  });

  it('stop being read by their bytes, too', async () => {
    const { first, handled, CountGateway } = countingGateway();
    await using served = await serve([CountGateway], {
      options: { messages: { inboxBytes: 300_000, bytesPerSecond: Infinity } },
    });
    const { socket, replies } = await connect(served.url('/count'));
    const [connection] = served.get(ConnectionRegistry);
    // Two bytes for each character: it is bytes that count.
    const padding = 'ä'.repeat(50_000);
    for (let n = 0; n < 50; n++) socket.send(JSON.stringify({ event: 'count', id: n, data: { n, padding } }));
    await vi.waitFor(() => {
      expect(served.counters.get('paused', 'inbox')).toBe(1);
    });
    await using other = await TestClient.connect(served.url('/count'));
    for (let round = 0; round < 20; round++) await untilQuiet(other);
    // One is being handled, three fill the inbox.
    expect(connection!.stats.messagesIn).toBe(4);
    first.open();
    await replies.called(50);
    expect(handled.seen).toEqual(inOrder.slice(0, 50));
    socket.terminate();
  });

  it('are forgotten when their client leaves', async () => {
    const { first, handled, CountGateway } = countingGateway();
    await using served = await serve([CountGateway]);
    const registry = served.get(ConnectionRegistry);
    const { socket } = await connect(served.url('/count'));
    const [connection] = registry;
    sendAll(socket, '');
    await vi.waitFor(() => {
      expect(served.counters.get('paused', 'inbox')).toBe(1);
    });
    // Its goodbye would not be read behind all that, so it is the server that notices.
    connection!.close(4000);
    await new Promise((resolve) => {
      connection!.signal.addEventListener('abort', resolve);
    });
    first.open();
    await using other = await TestClient.connect(served.url('/count'));
    await untilQuiet(other);
    expect(handled.seen).toEqual([0]);
    expect(registry.size).toBe(1);
  });
});
