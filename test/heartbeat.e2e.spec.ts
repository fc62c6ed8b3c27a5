import { once } from 'node:events';
import type { HeartbeatOptions } from '@holdfast/gateway';
import { decodeClose, encodeFrame, ManualClock, rawUpgrade, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { PulseApp } from './support/heartbeat.js';
import { PingedClient } from './support/pinged-client.js';

const intervalMs = 10_000;

/** Without chance: the first beat comes with the next tick. */
function start(clock: ManualClock, heartbeat: HeartbeatOptions = { intervalMs, missedBeats: 2 }): Promise<PulseApp> {
  // Nobody here waits for an answer to a close frame.
  const lifecycle = { closeTimeoutMs: 60_000 };
  return PulseApp.start({ options: { heartbeat, lifecycle }, clock, random: { next: () => 0 } });
}

const sdk = ['holdfast.v1.json'];

async function connectSdk(app: PulseApp): Promise<PingedClient> {
  const client = await PingedClient.connect(app.url, { protocols: sdk });
  client.send({ event: '$hello' });
  expect(await client.nextMessage()).toMatchObject({ event: '$welcome' });
  return client;
}

describe('a silent peer (PROTOCOL 8.4)', () => {
  it('is sent close 4504 after so many missed beats, and is ended without waiting for an answer', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    const peer = await rawUpgrade(app.url);
    if (!peer.upgraded) throw new Error(peer.body);
    clock.advance(100);
    expect(await peer.frames.next()).toMatchObject({ opcode: 9 });
    clock.advance(intervalMs);
    expect(await peer.frames.next()).toMatchObject({ opcode: 9 });
    expect(app.connection.state).toBe('open');
    expect(app.missedBeats('plain')).toBe(1);

    const ended = once(peer.socket, 'close');
    clock.advance(intervalMs);
    const farewell = await peer.frames.next();
    expect(farewell.opcode).toBe(8);
    expect(decodeClose(farewell.payload)).toEqual({ code: 4504, reason: 'no sign of life for 2 heartbeats' });
    await ended;
    expect(await app.nextDeparture()).toEqual({
      code: 4504,
      name: 'HEARTBEAT_LOST',
      reason: 'no sign of life for 2 heartbeats',
      initiator: 'server',
    });
    expect(clock.pending).toBe(0);
  });

  it('starts over with its misses when it shows life', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    await using client = await PingedClient.connect(app.url, { autoPong: false });
    clock.advance(100);
    for (let round = 0; round < 5; round++) {
      clock.advance(intervalMs);
      await client.settle();
      clock.advance(intervalMs);
    }
    expect(app.missedBeats('plain')).toBe(5);
    expect(app.connection.state).toBe('open');
  });

  it('that is closing already is given the time of the closing handshake', async () => {
    const clock = new ManualClock();
    await using app = await start(clock, { intervalMs, missedBeats: 1 });
    const peer = await rawUpgrade(app.url);
    if (!peer.upgraded) throw new Error(peer.body);
    clock.advance(100);
    app.connection.close(1000, 'goodbye');
    clock.advance(intervalMs * 5);
    expect(await peer.frames.next()).toMatchObject({ opcode: 9 });
    expect(decodeClose((await peer.frames.next()).payload)).toMatchObject({ code: 1000 });
    peer.socket.write(encodeFrame({ opcode: 8, payload: Buffer.from([0x03, 0xe8]) }));
    expect(await app.nextDeparture()).toMatchObject({ code: 1000, reason: 'goodbye' });
    expect(app.missedBeats('plain')).toBe(0);
  });
});

describe('any byte is life (PROTOCOL 8.1)', () => {
  it('keeps a plain client that answers no ping but goes on talking', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    await using client = await PingedClient.connect(app.url, { autoPong: false });
    clock.advance(100);
    for (let beat = 1; beat < 6; beat++) {
      client.send({ event: 'echo', data: beat });
      expect(await client.nextMessage()).toEqual({ event: 'echo', data: beat });
      clock.advance(intervalMs);
    }
    await client.settle();
    expect(client.pings).toBe(6);
    expect(app.missedBeats('plain')).toBe(0);
    expect(app.connection.state).toBe('open');
  });

  it('keeps an SDK client that answers no $ping but goes on talking', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    await using client = await connectSdk(app);
    clock.advance(100);
    for (let beat = 1; beat < 6; beat++) {
      expect(await client.nextMessage()).toEqual({ event: '$ping', data: { n: beat } });
      client.send({ event: 'echo', data: beat });
      expect(await client.nextMessage()).toEqual({ event: 'echo', data: beat });
      clock.advance(intervalMs);
    }
    expect(app.missedBeats('sdk')).toBe(0);
  });

  it('counts the beginning of a frame whose end is slow to come', async () => {
    const clock = new ManualClock();
    await using app = await start(clock, { intervalMs, missedBeats: 1 });
    const peer = await rawUpgrade(app.url);
    if (!peer.upgraded) throw new Error(peer.body);
    const message = encodeFrame({ payload: JSON.stringify({ event: 'echo', data: 'slow', id: 1 }) });
    clock.advance(100);
    await peer.frames.next();
    for (const byte of message) {
      peer.socket.write(Buffer.from([byte]));
      const before = app.connection.stats.bytesIn;
      while (app.connection.stats.bytesIn === before) await new Promise((resolve) => setImmediate(resolve));
      clock.advance(intervalMs);
      const frame = await peer.frames.next();
      if (frame.opcode !== 9) {
        expect(JSON.parse(frame.payload.toString())).toEqual({ event: '$reply', id: 1, data: 'slow' });
      }
    }
    expect(app.missedBeats('plain')).toBe(0);
    peer.socket.destroy();
  });
});

describe('a client of the SDK (PROTOCOL 8.3)', () => {
  it('is cut when only its network process lives: it answers protocol pings, but no $ping', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    await using client = await connectSdk(app);
    clock.advance(100);
    clock.advance(intervalMs);
    clock.advance(intervalMs);
    expect(await client.closed).toBe(4504);
    expect(await app.nextDeparture()).toMatchObject({ name: 'HEARTBEAT_LOST' });
    expect(client.pings).toBe(0);
  });

  it('hears no $ping before $welcome, however late that is', async () => {
    const clock = new ManualClock();
    await using app = await start(clock, { intervalMs: 500, missedBeats: 2 });
    await using client = await PingedClient.connect(app.url, { protocols: sdk });
    clock.advance(5_000);
    client.send({ event: '$hello' });
    expect(await client.nextMessage()).toMatchObject({
      event: '$welcome',
      data: { heartbeat: { intervalMs: 500, graceMs: 1_000 } },
    });
    clock.advance(100);
    expect(await client.nextMessage()).toMatchObject({ event: '$ping', data: { n: 1 } });
  });

  it('is answered when it pings itself', async () => {
    await using app = await start(new ManualClock());
    await using client = await TestClient.connectSdk(app.url);
    client.send({ event: '$ping', data: { n: 77 } });
    expect(await client.next()).toEqual({ event: '$pong', data: { n: 77 } });
  });
});

describe('without a heartbeat (PROTOCOL 8.5)', () => {
  it.each([0, Infinity])('of interval %s, nobody is asked and nobody is cut', async (interval) => {
    const clock = new ManualClock();
    await using app = await start(clock, { intervalMs: interval, missedBeats: 1 });
    await using plain = await PingedClient.connect(app.url, { autoPong: false });
    await using client = await TestClient.connectSdk(app.url, { answerPings: false });
    expect(client.welcome?.data).toMatchObject({ heartbeat: { intervalMs: 0, graceMs: 0 } });
    clock.advance(3_600_000);
    await plain.settle();
    expect(await client.request('echo', 'still here')).toMatchObject({ data: 'still here' });
    expect(plain.pings).toBe(0);
    expect(client.waiting).toEqual([]);
    expect(app.connections).toHaveLength(2);
  });
});
