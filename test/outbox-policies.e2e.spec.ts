import { describe, expect, it } from 'vitest';
import { emitItem, ended, Feed, flood, itemsOf, upTo } from './support/outbox.js';

const megabyte = 1_048_576;

describe('a client that never reads while the application emits', () => {
  it('is closed with 4508 by default, and cut when it does not read that either (PROTOCOL.md 12.1)', async () => {
    await using feed = await Feed.start({ lifecycle: { closeTimeoutMs: 300 } });
    const [slow, connection] = await feed.connect();
    const [quick] = await feed.connect();
    slow.pause();
    await flood(connection);
    const closedAt = performance.now();
    expect(connection.state).toBe('draining');
    expect(connection.cause).toMatchObject({ code: 4508, name: 'SLOW_CONSUMER', initiator: 'server' });
    expect(emitItem(connection, 0)).toBe(false);
    await ended(connection);
    // The deadlines of a gateway come within a tick of 100 ms.
    expect(performance.now() - closedAt).toBeLessThan(300 + 100 + 600);
    expect(connection.cause).toMatchObject({ code: 4508 });
    expect(feed.served.counters.get('closed', 'SLOW_CONSUMER')).toBe(1);
    await quick.request('fence');
  });

  it('is told so in words where it reads again in time', async () => {
    await using feed = await Feed.start({});
    const [slow, connection] = await feed.connect();
    slow.pause();
    await flood(connection);
    slow.resume();
    expect(await slow.closed).toEqual({ code: 4508, reason: 'the client does not keep up' });
  });

  it('is refused under `refuse`: emit says so, until it has read; what was taken has come in order', async () => {
    await using feed = await Feed.start({ outbox: { overflow: 'refuse' } });
    const [slow, connection] = await feed.connect();
    slow.pause();
    const { taken } = await flood(connection);
    expect(emitItem(connection, -1)).toBe(false);
    expect(feed.served.counters.snapshot()).toMatchObject({ 'notTaken:SLOW_CONSUMER': 2 });
    slow.resume();
    await connection.flushed();
    expect(emitItem(connection, taken)).toBe(true);
    expect(await itemsOf(slow, taken + 1)).toEqual(upTo(taken + 1));
    expect(connection.state).toBe('open');
  });

  it('misses events under `drop`, which are counted, and gets what was taken in order', async () => {
    await using feed = await Feed.start({ outbox: { overflow: 'drop' } });
    const [slow, connection] = await feed.connect();
    slow.pause();
    const { taken } = await flood(connection);
    for (let index = 0; index < 9; index++) expect(emitItem(connection, -1)).toBe(false);
    expect(feed.served.counters.snapshot()).toMatchObject({ 'dropped:SLOW_CONSUMER': 10 });
    slow.resume();
    await connection.flushed();
    emitItem(connection, taken);
    expect(await itemsOf(slow, taken + 1)).toEqual(upTo(taken + 1));
  });

  it.each(['refuse', 'drop'] as const)(
    'costs no more memory than the mark, however much is emitted (%s)',
    async (overflow) => {
      await using feed = await Feed.start({ outbox: { overflow } });
      const [slow, connection] = await feed.connect();
      slow.pause();
      await flood(connection);
      const sent = connection.stats.bytesOut;
      const before = process.memoryUsage();
      // Half a gigabyte.
      for (let index = 0; index < 32_768; index++) emitItem(connection, index);
      const after = process.memoryUsage();
      const grown = after.heapUsed + after.external - before.heapUsed - before.external;
      expect(grown).toBeLessThan(64 * megabyte);
      expect(connection.stats.bytesOut - sent).toBeLessThan(2 * megabyte);
    },
  );

  it('does not keep others waiting, and they miss nothing', async () => {
    await using feed = await Feed.start({ outbox: { overflow: 'drop' } });
    const [slow, stuck] = await feed.connect();
    const [quick, healthy] = await feed.connect();
    slow.pause();
    const { taken } = await flood(stuck);
    let slowest = 0;
    for (let index = 0; index < 50; index++) {
      emitItem(stuck, taken);
      expect(emitItem(healthy, index)).toBe(true);
      const askedAt = performance.now();
      await quick.request('fence');
      slowest = Math.max(slowest, performance.now() - askedAt);
    }
    expect(await itemsOf(quick, 50)).toEqual(upTo(50));
    expect(slowest).toBeLessThan(500);
  });
});

it('marks below what the kernel calls full are kept, too: the client is forgiven as soon as it has read', async () => {
  await using feed = await Feed.start({ outbox: { highWaterBytes: 2_048, lowWaterBytes: 512, overflow: 'refuse' } });
  const [client, connection] = await feed.connect();
  let taken = 0;
  while (connection.emit('item', { index: taken, filler: 'x'.repeat(300) })) taken++;
  expect(taken).toBeLessThan(10);
  await client.request('fence');
  await connection.flushed();
  expect(connection.emit('item', { index: taken })).toBe(true);
  expect(await itemsOf(client, taken + 1)).toEqual(upTo(taken + 1));
});
