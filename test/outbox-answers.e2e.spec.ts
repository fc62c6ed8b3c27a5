import { ConnectionRegistry } from '@holdfast/gateway';
import { encodeFrame, rawUpgrade } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { ended, Feed, flood } from './support/outbox.js';

const megabyte = 1_048_576;

describe('a client that does not read its answers', () => {
  it.each(['close', 'refuse', 'drop'] as const)(
    'is not served any further, and has every answer in order when it reads again (%s)',
    async (overflow) => {
      await using feed = await Feed.start({ outbox: { overflow }, messages: { inboxMessages: 64 } });
      const [client, connection] = await feed.connect();
      const [other] = await feed.connect();
      client.pause();
      const count = 600;
      for (let id = 0; id < count; id++) client.send({ event: 'page', id, data: 65_536 });
      // As many as the kernel and the marks hold; then handlers wait, not answers.
      let handled = -1;
      while (feed.gateway.asked.seen.length > handled) {
        handled = feed.gateway.asked.seen.length;
        for (let round = 0; round < 20; round++) await other.request('fence');
      }
      expect(handled).toBeGreaterThan(0);
      expect(handled).toBeLessThan(count);
      expect(connection.state).toBe('open');
      client.resume();
      for (let id = 0; id < count; id++) {
        const answer = await client.next('$reply');
        expect(answer.id).toBe(id);
        expect(answer.data).toHaveLength(65_536);
      }
      expect(connection.state).toBe('open');
    },
  );

  it('is closed with 4508 when answers that were begun together are above twice the mark', async () => {
    await using feed = await Feed.start({ lifecycle: { closeTimeoutMs: 300 } });
    const [client, connection] = await feed.connect();
    client.pause();
    for (let id = 0; id < 100; id++) client.send({ event: 'together', id, data: megabyte / 4 });
    await feed.gateway.asked.called(100);
    feed.gateway.together.open();
    await ended(connection);
    expect(connection.cause).toMatchObject({ code: 4508, name: 'SLOW_CONSUMER' });
  });

  it('is not meant by answers that are large: who reads them may ask for many at once', async () => {
    await using feed = await Feed.start({});
    const [client, connection] = await feed.connect();
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.request('page', 5 * megabyte)));
    for (const { data } of answers) expect(data).toHaveLength(5 * megabyte);
    expect(connection.state).toBe('open');
  });

  it('has its answers where events are dropped', async () => {
    await using feed = await Feed.start({ outbox: { overflow: 'drop' } });
    const [client, connection] = await feed.connect();
    client.pause();
    client.send({ event: 'together', id: 'begun', data: 1_000 });
    await feed.gateway.asked.called(1);
    await flood(connection);
    feed.gateway.together.open();
    client.resume();
    expect(await client.next('$reply')).toMatchObject({ id: 'begun' });
  });
});

it('a client that asks for control frames and does not read them is closed with 4508', async () => {
  await using feed = await Feed.start({
    outbox: { highWaterBytes: 65_536, lowWaterBytes: 1_024 },
    lifecycle: { closeTimeoutMs: 300 },
    messages: { bytesPerSecond: Infinity },
  });
  const peer = await rawUpgrade(feed.url, { headers: { 'Sec-WebSocket-Protocol': 'holdfast.v1.json' } });
  if (!peer.upgraded) throw new Error(`refused with ${peer.status}`);
  const { socket } = peer;
  const say = (event: string, data: unknown): Buffer => encodeFrame({ payload: JSON.stringify({ event, data }) });
  socket.write(say('$hello', {}));
  await peer.frames.next();
  socket.pause();
  const pings = Buffer.concat(Array.from({ length: 1_000 }, (_, n) => say('$ping', { n })));
  const [connection] = [...feed.served.get(ConnectionRegistry)];
  while (!connection!.signal.aborted) {
    if (!socket.write(pings)) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(connection!.cause).toMatchObject({ code: 4508, name: 'SLOW_CONSUMER' });
  socket.destroy();
});
