import { ManualClock, rawUpgrade, encodeFrame, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { PulseApp } from './support/heartbeat.js';
import { PingedClient } from './support/pinged-client.js';

const intervalMs = 10_000;

function start(clock: ManualClock): Promise<PulseApp> {
  const options = { heartbeat: { intervalMs, missedBeats: 2 } };
  return PulseApp.start({ options, clock, random: { next: () => 0 } });
}

describe('the round-trip time of a plain client', () => {
  it('is the time from a ping to its pong, and unknown before', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    await using client = await PingedClient.connect(app.url, { autoPong: false });
    clock.advance(100);
    for (const trip of [40, 0, 90]) {
      const ping = await client.nextPing();
      if (trip === 40) expect(app.connection.rtt).toBeUndefined();
      clock.advance(trip);
      client.pong(ping);
      await client.settle();
      expect(app.connection.rtt).toBe(trip);
      clock.advance(intervalMs - trip);
    }
  });

  it('is not changed by a pong that is repeated, comes unasked or answers an earlier ping', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    await using client = await PingedClient.connect(app.url, { autoPong: false });
    client.pong('before any ping');
    clock.advance(100);
    const first = await client.nextPing();
    clock.advance(25);
    for (const foreign of ['', '0', 'x'.repeat(125), Buffer.alloc(125, 0xff)]) client.pong(foreign);
    await client.settle();
    expect(app.connection.rtt).toBeUndefined();
    clock.advance(15);
    client.pong(first);
    await client.settle();
    clock.advance(10);
    client.pong(first);
    await client.settle();
    expect(app.connection.rtt).toBe(40);

    clock.advance(intervalMs - 50);
    const second = await client.nextPing();
    clock.advance(5);
    client.pong(first);
    await client.settle();
    expect(app.connection.rtt).toBe(40);
    clock.advance(65);
    client.pong(second);
    await client.settle();
    expect(app.connection.rtt).toBe(70);
    expect(app.connection.stats.violations).toBe(0);
  });

  it('does not include a standstill of our own event loop', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    await using client = await PingedClient.connect(app.url, { autoPong: false });
    clock.advance(100);
    const ping = await client.nextPing();
    clock.stall(3_000);
    clock.advance(0);
    client.pong(ping);
    await client.settle();
    expect(app.connection.rtt).toBeUndefined();
  });
});

describe('the round-trip time of an SDK client (PROTOCOL 8.3)', () => {
  it('is the time from $ping to the $pong of its number', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    await using client = await TestClient.connectSdk(app.url, { answerPings: false });
    clock.advance(100);
    const ping = await client.next('$ping');
    clock.advance(55);
    client.send({ event: '$pong', data: ping.data });
    expect((await client.request('rtt')).data).toBe(55);
  });

  it('is not changed by any other $pong, nor by a protocol pong', async () => {
    const clock = new ManualClock();
    await using app = await start(clock);
    const peer = await rawUpgrade(app.url, { headers: { 'Sec-WebSocket-Protocol': 'holdfast.v1.json' } });
    if (!peer.upgraded) throw new Error(peer.body);
    const say = (envelope: object) => peer.socket.write(encodeFrame({ payload: JSON.stringify(envelope) }));
    const ask = async (): Promise<unknown> => {
      say({ event: 'rtt', id: 'rtt' });
      return JSON.parse((await peer.frames.next()).payload.toString());
    };
    say({ event: '$hello' });
    await peer.frames.next();
    say({ event: '$pong', data: { n: 1 } });
    expect(await ask()).toMatchObject({ data: null });
    clock.advance(100);
    expect(JSON.parse((await peer.frames.next()).payload.toString())).toEqual({ event: '$ping', data: { n: 1 } });
    clock.advance(20);
    peer.socket.write(encodeFrame({ opcode: 10, payload: '1' }));
    for (const n of [0, 2, Number.MAX_SAFE_INTEGER]) say({ event: '$pong', data: { n } });
    expect(await ask()).toMatchObject({ data: null });
    clock.advance(5);
    say({ event: '$pong', data: { n: 1 } });
    expect(await ask()).toMatchObject({ data: 25 });
    clock.advance(500);
    say({ event: '$pong', data: { n: 1 } });
    expect(await ask()).toMatchObject({ data: 25 });
    expect(app.connection.stats.violations).toBe(0);
    peer.socket.destroy();
  });
});
