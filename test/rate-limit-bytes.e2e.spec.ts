import { setImmediate as turn } from 'node:timers/promises';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ConnectionRegistry } from '@holdfast/gateway';
import { encodeClose, encodeFrame, ManualClock, rawUpgrade, TestClient } from '@holdfast/testing';
import { expect, it } from 'vitest';
import { Calls, serve, type Served } from './support/dispatch.js';

const path = '/bytes';

@WebSocketGateway({ path })
class BytesGateway {
  readonly received = new Calls<number>();

  @SubscribeMessage('take')
  take(@MessageBody('index') index: number): number {
    this.received.add(index);
    return index;
  }
}

function start(clock: ManualClock): Promise<Served> {
  return serve([BytesGateway], {
    clock,
    options: { heartbeat: { intervalMs: 0 }, messages: { bytesPerSecond: 100_000, maxViolations: Infinity } },
  });
}

/** A request of 10,000 bytes or so. */
function large(index: number): { event: string; id: number; data: unknown } {
  return { event: 'take', id: index, data: { index, filler: 'x'.repeat(9_940) } };
}

it('a connection above its bytes per second is not read for as long as they take; nothing is lost, nobody else waits', async () => {
  const clock = new ManualClock();
  await using served = await start(clock);
  await using client = await TestClient.connect(served.url(path), { timeoutMs: 20_000 });
  await using other = await TestClient.connect(served.url(path));
  const { received } = served.get(BytesGateway);
  const count = 300;
  for (let index = 0; index < count; index++) client.send(large(index));

  const startedAt = clock.now();
  let seen = -1;
  while (seen < count) {
    expect((await other.request('take', { index: -1 })).data).toBe(-1);
    seen = received.seen.filter((index) => index >= 0).length;
    // What one read of the socket brought is handled, so the bound has one read besides.
    const bytes = seen * 10_000;
    expect(bytes).toBeLessThanOrEqual(200_000 + 100 * (clock.now() - startedAt) + 150_000);
    clock.advance(100);
    await turn();
  }
  // 3 MB at 100 kB a second, of which the first second is free.
  expect(clock.now() - startedAt).toBeGreaterThan(25_000);
  for (let index = 0; index < count; index++) expect((await client.next('$reply')).id).toBe(index);
  expect(served.counters.get('paused', 'byteRate')).toBeGreaterThan(5);
});

it.each([
  ['empty fragments', () => Array.from({ length: 40 }, () => fragmented(1_023))],
  ['half a frame that never becomes whole', () => [encodeFrame({ claimedLength: 262_144 }), Buffer.alloc(250_000, 32)]],
  ['a length in more bytes than it needs', () => Array.from({ length: 4_000 }, () => longHeader('{"event":"none"}'))],
])('%s count as what came over the wire', async (_what, bytes) => {
  const clock = new ManualClock();
  await using served = await start(clock);
  const peer = await rawUpgrade(served.url(path));
  if (!peer.upgraded) throw new Error(`refused with ${peer.status}`);
  const all = Buffer.concat(bytes());
  expect(all.length).toBeGreaterThan(110_000);
  peer.socket.write(all);
  while (served.counters.get('paused', 'byteRate') === 0) await turn();
  peer.socket.destroy();
  await untilEmpty(served, clock);
});

/** Lets time pass until every connection has been read to its end. */
async function untilEmpty(served: Served, clock: ManualClock): Promise<void> {
  while (served.get(ConnectionRegistry).size > 0) {
    clock.advance(100);
    await turn();
  }
}

/** A message in so many fragments with nothing in them. */
function fragmented(fragments: number): Buffer {
  return Buffer.concat(
    Array.from({ length: fragments }, (_, i) => encodeFrame({ opcode: i === 0 ? 1 : 0, fin: i === fragments - 1 })),
  );
}

/** A frame whose length takes eight bytes. */
function longHeader(text: string): Buffer {
  const header = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, text.length, 0, 0, 0, 0]);
  return Buffer.concat([header, Buffer.from(text)]);
}

it('also after the server has closed the connection, while it waits for the close frame of the client', async () => {
  const clock = new ManualClock();
  await using served = await start(clock);
  const peer = await rawUpgrade(served.url(path));
  if (!peer.upgraded) throw new Error(`refused with ${peer.status}`);
  served.closeAll(4_000);
  expect((await peer.frames.next()).opcode).toBe(8);
  peer.socket.write(
    Buffer.concat(Array.from({ length: 30 }, (_, index) => encodeFrame({ payload: JSON.stringify(large(index)) }))),
  );
  while (served.counters.get('paused', 'byteRate') === 0) await turn();
  // It is read again in time for its own close frame.
  peer.socket.write(encodeFrame({ opcode: 8, payload: encodeClose(4_000) }));
  await untilEmpty(served, clock);
  expect(served.counters.get('closed', 'APPLICATION')).toBe(1);
});

it('pings and pongs count, too', async () => {
  const clock = new ManualClock();
  await using served = await start(clock);
  const peer = await rawUpgrade(served.url(path));
  if (!peer.upgraded) throw new Error(`refused with ${peer.status}`);
  const ping = encodeFrame({ opcode: 9, payload: Buffer.alloc(125) });
  // Unasked pongs ask for nothing, so they are no flood of answers.
  const pong = encodeFrame({ opcode: 10, payload: Buffer.alloc(125) });
  for (let round = 0; round < 800; round++) peer.socket.write(pong);
  peer.socket.write(ping);
  peer.socket.write(
    encodeFrame({ opcode: 1, payload: Buffer.from(JSON.stringify({ event: 'take', id: 1, data: { index: 1 } })) }),
  );
  while (served.counters.get('paused', 'byteRate') === 0) await turn();
  while (!served.get(BytesGateway).received.seen.includes(1)) {
    clock.advance(100);
    await turn();
  }
  peer.socket.destroy();
});
