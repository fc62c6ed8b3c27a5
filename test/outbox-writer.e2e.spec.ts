import type { Server } from 'node:http';
import { Duplex } from 'node:stream';
import { encodeFrame, ManualClock, type RawUpgraded, rawUpgrade, type WireFrame } from '@holdfast/testing';
import { type Connection, ConnectionRegistry } from '@holdfast/gateway';
import { describe, expect, it } from 'vitest';
import { emitItem, ended, Feed, feedPath, flood, itemsOf, upTo } from './support/outbox.js';

const megabyte = 1_048_576;

/** Lets the server send beyond what the kernel buffers, so that much waits in the outbox. */
const patient = { outbox: { highWaterBytes: 64 * megabyte, lowWaterBytes: megabyte } };

async function upgraded(url: string, headers: Record<string, string> = {}): Promise<RawUpgraded> {
  const peer = await rawUpgrade(url, { headers, timeoutMs: 15_000 });
  if (!peer.upgraded) throw new Error(`refused with ${peer.status}`);
  return peer;
}

/** Reads up to a frame that is not an item, and then how many items come behind it. */
async function overtaken(peer: RawUpgraded, items: number): Promise<{ frame: WireFrame; behind: number }> {
  for (let before = 0; before <= items; before++) {
    const frame = await peer.frames.next();
    if (frame.opcode !== 1 || !frame.payload.toString('utf8', 0, 20).includes('item')) {
      return { frame, behind: items - before };
    }
  }
  throw new Error('nothing but items came');
}

describe('control frames go before data that waits', () => {
  it('protocol pings to plain clients (PROTOCOL.md 8.2)', async () => {
    const clock = new ManualClock();
    await using feed = await Feed.start({ ...patient, heartbeat: { intervalMs: 10_000 } }, clock);
    const peer = await upgraded(feed.url);
    const [connection] = [...feed.served.get(ConnectionRegistry)];
    peer.socket.pause();
    const { taken } = await flood(connection!, 32 * megabyte);
    expect(taken).toBe(2_048);
    clock.advance(10_100);
    peer.socket.resume();
    const { frame, behind } = await overtaken(peer, taken);
    expect(frame.opcode).toBe(9);
    expect(behind).toBeGreaterThan(500);
    peer.socket.destroy();
  });

  it('$pong to SDK clients (8.3)', async () => {
    await using feed = await Feed.start(patient);
    const peer = await upgraded(feed.url, { 'Sec-WebSocket-Protocol': 'holdfast.v1.json' });
    peer.socket.write(encodeFrame({ payload: '{"event":"$hello","data":{}}' }));
    await peer.frames.next();
    const [connection] = [...feed.served.get(ConnectionRegistry)];
    peer.socket.pause();
    const { taken } = await flood(connection!, 32 * megabyte);
    const { messagesIn } = connection!.stats;
    peer.socket.write(encodeFrame({ payload: '{"event":"$ping","data":{"n":7}}' }));
    while (connection!.stats.messagesIn === messagesIn) await new Promise((resolve) => setImmediate(resolve));
    peer.socket.resume();
    const { frame, behind } = await overtaken(peer, taken);
    expect(JSON.parse(frame.payload.toString())).toEqual({ event: '$pong', data: { n: 7 } });
    expect(behind).toBeGreaterThan(500);
    peer.socket.destroy();
  });
});

describe('flushed()', () => {
  it('resolves when what was taken has left this process, and not before', async () => {
    await using feed = await Feed.start({ outbox: { overflow: 'refuse' } });
    const [slow, connection] = await feed.connect();
    const [other] = await feed.connect();
    await connection.flushed();
    slow.pause();
    const { taken } = await flood(connection);
    let isFlushed = false;
    const flushed = connection.flushed().then(() => (isFlushed = true));
    for (let round = 0; round < 50; round++) await other.request('fence');
    expect(isFlushed).toBe(false);
    slow.resume();
    await flushed;
    expect(await itemsOf(slow, taken)).toHaveLength(taken);
  });

  it('resolves when the connection ends, however it does', async () => {
    await using feed = await Feed.start({ outbox: { overflow: 'refuse' }, lifecycle: { closeTimeoutMs: 200 } });
    for (const end of ['client leaves', 'server closes']) {
      const [slow, connection] = await feed.connect();
      slow.pause();
      await flood(connection);
      const flushed = Promise.all([connection.flushed(), connection.flushed()]);
      if (end === 'client leaves') slow.terminate();
      else connection.close();
      await flushed;
      await ended(connection);
      await connection.flushed();
    }
  });
});

describe('close()', () => {
  it('sends what was taken before, and nothing after (PROTOCOL.md 10.5)', async () => {
    await using feed = await Feed.start({});
    const [client] = await feed.connect();
    client.send({ event: 'burst then close', data: 1_000 });
    expect(await itemsOf(client, 1_000)).toEqual(upTo(1_000));
    expect(await client.closed).toEqual({ code: 4321, reason: 'that was all' });
    expect(client.waiting).toEqual([]);
  });

  it('sends megabytes to a client that reads slowly before it says goodbye', async () => {
    await using feed = await Feed.start(patient);
    const [slow, connection] = await feed.connect();
    slow.pause();
    const { taken } = await flood(connection, 16 * megabyte);
    connection.close(4001);
    expect(emitItem(connection, -1)).toBe(false);
    slow.resume();
    expect(await slow.closed).toMatchObject({ code: 4001 });
    expect(await itemsOf(slow, taken)).toEqual(upTo(taken));
  });
});

/**
 * One end of a connection within this process, whose writes can be counted: what is one here is one system call of a
 * socket.
 */
class Wire extends Duplex {
  writes = 0;
  other: Wire | undefined;
  readonly remoteAddress = '127.0.0.1';

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this._writev([{ chunk }], done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this.writes++;
    this.other?.push(Buffer.concat(chunks.map(({ chunk }) => chunk)));
    setImmediate(done);
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }
}

describe('what is sent in one tick leaves in one write', () => {
  async function wired(feed: Feed): Promise<{ near: Wire; far: Wire; connection: Connection }> {
    const [near, far] = [new Wire(), new Wire()];
    [near.other, far.other] = [far, near];
    // Node documents that any duplex may be given to an HTTP server so.
    (feed.served.app.app.getHttpServer() as Server).emit('connection', near);
    far.write(
      `GET ${feedPath} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const registry = feed.served.get(ConnectionRegistry);
    while (registry.size === 0) await new Promise((resolve) => setImmediate(resolve));
    const [connection] = [...registry];
    await connection!.flushed();
    return { near, far, connection: connection! };
  }

  it('a hundred events', async () => {
    await using feed = await Feed.start({});
    const { near, connection } = await wired(feed);
    const before = near.writes;
    for (let index = 0; index < 100; index++) expect(connection.emit('item', index)).toBe(true);
    await connection.flushed();
    expect(connection.stats.messagesOut).toBe(100);
    expect(near.writes - before).toBe(1);
    near.destroy();
  });

  it('the answers to sixteen requests that came together', async () => {
    // Time stands still: a slow machine would spread them over several turns of the event loop.
    await using feed = await Feed.start({}, new ManualClock());
    const { near, far, connection } = await wired(feed);
    const before = near.writes;
    const requests = upTo(16).map((id) => encodeFrame({ payload: JSON.stringify({ event: 'page', id, data: 10 }) }));
    far.write(Buffer.concat(requests));
    while (connection.stats.messagesOut < 16) await new Promise((resolve) => setImmediate(resolve));
    await connection.flushed();
    // Through Nest's own chain the first answer may leave before the others have been made.
    expect(near.writes - before).toBeLessThanOrEqual(2);
    near.destroy();
  });
});
