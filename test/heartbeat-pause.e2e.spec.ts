import { ManualClock } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { PulseApp } from './support/heartbeat.js';
import { PingedClient } from './support/pinged-client.js';

const intervalMs = 10_000;

/** The handler is at work, two messages wait behind it, and that is as many as may wait: the socket is not read. */
async function connectPaused(app: PulseApp): Promise<PingedClient> {
  const client = await PingedClient.connect(app.url, { autoPong: false });
  client.send({ event: 'block', id: 0 });
  for (const id of [1, 2]) client.send({ event: 'echo', data: id, id });
  while (app.paused === 0) await new Promise((resolve) => setImmediate(resolve));
  return client;
}

describe('a connection that we do not read from (PROTOCOL 8.4)', () => {
  it('is not judged dead, however long a handler is at work', async () => {
    const clock = new ManualClock();
    await using app = await PulseApp.start({
      options: {
        heartbeat: { intervalMs, missedBeats: 1 },
        messages: { inboxMessages: 2, handlerTimeoutMs: Infinity },
      },
      clock,
      random: { next: () => 0 },
    });
    await using client = await connectPaused(app);
    clock.advance(100);
    for (let beat = 0; beat < 20; beat++) clock.advance(intervalMs);
    expect(app.connection.state).toBe('open');
    expect(app.missedBeats('plain')).toBe(0);

    app.release();
    for (const id of [0, 1, 2]) expect(await client.nextMessage()).toMatchObject({ event: '$reply', id });
    expect(client.pings).toBe(21);
  });

  it('is judged again when it was read for a whole interval', async () => {
    const clock = new ManualClock();
    await using app = await PulseApp.start({
      options: {
        heartbeat: { intervalMs, missedBeats: 1 },
        messages: { inboxMessages: 2, handlerTimeoutMs: Infinity },
      },
      clock,
      random: { next: () => 0 },
    });
    await using client = await connectPaused(app);
    clock.advance(100);
    clock.advance(intervalMs);
    clock.advance(intervalMs - 100);
    app.release();
    for (const id of [0, 1, 2]) expect(await client.nextMessage()).toMatchObject({ event: '$reply', id });
    clock.advance(100);
    expect(app.connection.state).toBe('open');
    clock.advance(intervalMs);
    expect(await client.closed).toBe(4504);
    expect(app.missedBeats('plain')).toBe(1);
  });
});
