import { setImmediate as turn } from 'node:timers/promises';
import { encodeFrame, ManualClock, rawUpgrade, type RawUpgraded } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { PulseApp } from './support/heartbeat.js';

const intervalMs = 10_000;
const mebibyte = 1_048_576;

function start(clock: ManualClock): Promise<PulseApp> {
  return PulseApp.start({
    options: {
      heartbeat: { intervalMs, missedBeats: 1 },
      messages: { inboxMessages: 2 },
      outbox: { highWaterBytes: 24 * mebibyte, lowWaterBytes: mebibyte, overflow: 'refuse' },
    },
    clock,
    random: { next: () => 0 },
  });
}

/** Refused for many turns of the loop: what the kernel could take, it has taken. */
async function fill({ connection }: PulseApp): Promise<void> {
  const data = 'x'.repeat(mebibyte);
  for (let refused = 0; refused < 100; refused++) {
    if (connection.emit('news', data)) refused = 0;
    await turn();
  }
}

/** A peer that does not read, and whom we therefore do not read either. */
async function connectCongested(app: PulseApp): Promise<RawUpgraded> {
  const peer = await rawUpgrade(app.url);
  if (!peer.upgraded) throw new Error(peer.body);
  peer.socket.pause();
  await fill(app);
  for (const id of [1, 2, 3]) peer.socket.write(encodeFrame({ payload: JSON.stringify({ event: 'echo', id }) }));
  while (app.paused === 0) await turn();
  return peer;
}

/** The peer reads so much and stops again. */
async function read({ socket }: RawUpgraded, bytes: number): Promise<void> {
  const until = socket.bytesRead + bytes;
  socket.resume();
  while (socket.bytesRead < until) await turn();
  socket.pause();
  // The other end has its turns to write.
  for (let turns = 0; turns < 50; turns++) await turn();
}

describe('a peer that is not read because it does not read (PROTOCOL 8.1, 8.4)', () => {
  it('is cut when it reads nothing at all', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    const peer = await connectCongested(app);
    clock.advance(100);
    expect(app.connection.state).toBe('open');
    clock.advance(intervalMs);
    expect(await app.nextDeparture()).toMatchObject({ name: 'HEARTBEAT_LOST' });
    peer.socket.destroy();
  });

  it('stays as long as it reads, however slowly', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    const peer = await connectCongested(app);
    clock.advance(100);
    for (let beat = 0; beat < 2; beat++) {
      await read(peer, 8 * mebibyte);
      // Still too much waits for it, so it is still not read.
      expect(app.connection.emit('news', 'more')).toBe(false);
      clock.advance(intervalMs);
      expect(app.connection.state).toBe('open');
    }
    expect(app.missedBeats('plain')).toBe(0);
    clock.advance(intervalMs);
    expect(await app.nextDeparture()).toMatchObject({ name: 'HEARTBEAT_LOST' });
    peer.socket.destroy();
  });
});
