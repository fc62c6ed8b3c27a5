import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { type CanActivate, Injectable, UseGuards } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ConnectionRegistry } from '@holdfast/gateway';
import { encodeFrame, ManualClock, rawUpgrade, type RawUpgraded } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { Calls, gate, serve, type Served } from './support/dispatch.js';
import { drip, upgradeHeaders } from './support/hostile.js';

const path = '/large';
/** What the smallest packets in use carry (RFC 9293 section 3.7.1). */
const smallestSegment = 536;
/** So many chunks come one by one before the rest of a frame is gathered. */
const gatheredFrom = 4_096;

@WebSocketGateway({ path, maxPayload: 8 * 1024 * 1024 })
class LargeGateway {
  @SubscribeMessage('length')
  length(@MessageBody() text: string): number {
    return text.length;
  }

  readonly gate = gate();

  @SubscribeMessage('wait')
  async wait(): Promise<void> {
    await this.gate.promise;
  }
}

/** @param limits - in place of the options of messages. */
function start(limits: Readonly<Record<string, number>>, clock?: ManualClock): Promise<Served> {
  const messages = { maxBufferedChunks: 4_600, ...limits };
  return serve([LargeGateway], { clock, options: { heartbeat: { intervalMs: 0 }, messages } });
}

/** Lets everybody in, when the test says so. */
@Injectable()
class SlowGuard implements CanActivate {
  readonly asked = new Calls<true>();
  readonly gate = gate<boolean>();

  canActivate(): Promise<boolean> {
    this.asked.add(true);
    return this.gate.promise;
  }
}

@UseGuards(SlowGuard)
@WebSocketGateway({ path: '/guarded' })
class GuardedGateway {
  @SubscribeMessage('length')
  length(@MessageBody() text: string): number {
    return text.length;
  }
}

async function upgrade(served: Served): Promise<RawUpgraded> {
  const peer = await rawUpgrade(served.url(path));
  if (!peer.upgraded) throw new Error(`refused with ${peer.status}`);
  return peer;
}

function request(id: number, length: number): Buffer {
  return encodeFrame({ payload: JSON.stringify({ event: 'length', id, data: 'x'.repeat(length) }) });
}

async function answers({ frames }: RawUpgraded, count: number): Promise<unknown[]> {
  const said: unknown[] = [];
  while (said.length < count) said.push(JSON.parse((await frames.next(10_000)).payload.toString()));
  return said;
}

const reply = (id: number, data: number): unknown => ({ event: '$reply', id, data });

describe('a frame that comes in more chunks than ws puts together quickly', () => {
  it('has its rest gathered, however small the packets; what follows is as it was', async () => {
    await using served = await start({});
    const peer = await upgrade(served);
    // 15,650 packets, and no more than 4,600 chunks are allowed.
    await drip(peer.socket, request(1, 8_388_500), smallestSegment);
    await drip(peer.socket, Buffer.concat([request(2, 10), request(3, 3_000_000)]), smallestSegment);
    peer.socket.write(request(4, 4));
    expect(await answers(peer, 4)).toEqual([reply(1, 8_388_500), reply(2, 10), reply(3, 3_000_000), reply(4, 4)]);
    peer.socket.destroy();
  });

  it('waits for what is slow no longer than half a second', async () => {
    const clock = new ManualClock();
    await using served = await start({}, clock);
    const peer = await upgrade(served);
    const [connection] = served.get(ConnectionRegistry);
    await drip(peer.socket, request(1, 100_000).subarray(0, gatheredFrom + 100), 1);
    peer.socket.end();
    while (connection!.stats.bytesIn < gatheredFrom + 100) await turn();
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(connection!.state).toBe('open');
    clock.advance(600);
    await expect.poll(() => connection!.state).toBe('closed');
  });

  it('is not read while it is above its bytes per second, and nothing of it is lost', async () => {
    const clock = new ManualClock();
    await using served = await start({ bytesPerSecond: 500_000 }, clock);
    const peer = await upgrade(served);
    void drip(peer.socket, Buffer.concat([request(1, 5_000_000), request(2, 2)]), smallestSegment);
    let said: unknown[] = [];
    void answers(peer, 2).then((all) => (said = all));
    const begun = clock.now();
    while (said.length === 0) {
      // A packet for each turn: twice of what is allowed.
      for (let turns = 0; turns < 200; turns++) await turn();
      clock.advance(100);
    }
    expect(said).toEqual([reply(1, 5_000_000), reply(2, 2)]);
    expect(served.counters.get('paused', 'byteRate')).toBeGreaterThan(10);
    // 5 MB at 0.5 MB a second, of which the first second is free; one chunk may have come beside them.
    expect(clock.now() - begun).toBeGreaterThan(8_000);
    peer.socket.destroy();
  });

  it('whose last bytes are too many leaves a connection that is not read, as any other does', async () => {
    const clock = new ManualClock();
    const large = request(1, 2_300_000);
    await using served = await start({ bytesPerSecond: large.length - 1 }, clock);
    const peer = await upgrade(served);
    await drip(peer.socket, large, smallestSegment);
    expect(await answers(peer, 1)).toEqual([reply(1, 2_300_000)]);
    let said: unknown[] = [];
    void answers(peer, 1).then((all) => (said = all));
    peer.socket.write(request(2, 2));
    for (let turns = 0; turns < 200; turns++) await turn();
    expect(said).toEqual([]);
    clock.advance(200);
    await expect.poll(() => said).toEqual([reply(2, 2)]);
    peer.socket.destroy();
  });

  it.each([
    ['ends', (peer: RawUpgraded) => void peer.socket.end()],
    ['is reset', (peer: RawUpgraded) => void peer.socket.resetAndDestroy()],
  ])('is forgotten when its connection %s meanwhile', async (_how, end) => {
    await using served = await start({});
    const peer = await upgrade(served);
    await drip(peer.socket, request(1, 4_000_000).subarray(0, 3_000_000), smallestSegment);
    end(peer);
    await expect.poll(() => served.get(ConnectionRegistry).size).toBe(0);
    expect(served.counters.get('closed', 'ABNORMAL')).toBe(1);
  });
});

describe('what a client sends byte by byte while it is not read', () => {
  it('is put together within half a second, and read as the chunks that it would have been', async () => {
    const clock = new ManualClock();
    await using served = await start({ inboxMessages: 1, maxBufferedChunks: 128 }, clock);
    const peer = await upgrade(served);
    const [connection] = served.get(ConnectionRegistry);
    const busy = encodeFrame({ payload: JSON.stringify({ event: 'wait' }) });
    peer.socket.write(Buffer.concat([busy, busy]));
    while (served.counters.get('paused', 'inbox') === 0) await turn();
    const bytes = request(1, 5_000);
    const all = connection!.stats.bytesIn + bytes.length;
    await drip(peer.socket, bytes, 1);
    while (connection!.stats.bytesIn < all) await turn();
    clock.advance(600);
    served.get(LargeGateway).gate.open();
    expect(await answers(peer, 1)).toEqual([reply(1, 5_000)]);
    peer.socket.destroy();
  });
});

describe('what a client sends byte by byte while a guard has not decided', () => {
  it('is put together as well', async () => {
    const clock = new ManualClock();
    await using served = await serve([SlowGuard, GuardedGateway], {
      clock,
      options: { messages: { maxBufferedChunks: 128 } },
    });
    const guard = served.get(SlowGuard);
    const server = served.app.app.getHttpServer() as Server;
    const accepted = once(server, 'connection');
    const socket = connect(Number(new URL(served.url('/')).port), '127.0.0.1');
    const [seen] = (await accepted) as [Socket];
    socket.write(`GET /guarded HTTP/1.1\r\nHost: 127.0.0.1\r\n${upgradeHeaders}\r\n`);
    await guard.asked.called(1);
    const bytes = request(1, 5_000);
    const all = seen.bytesRead + bytes.length;
    await drip(socket, bytes, 1);
    while (seen.bytesRead < all) await turn();
    clock.advance(600);
    let said = '';
    socket.on('data', (chunk) => (said += chunk.toString()));
    guard.gate.open(true);
    await expect.poll(() => said).toContain('"data":5000');
    socket.destroy();
  });
});
