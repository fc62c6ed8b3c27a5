import { ManualClock, TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { bundle } from './support/bundle.js';
import { PulseApp } from './support/heartbeat.js';
import { ScriptProcess } from './support/script-process.js';

describe('app.close()', () => {
  it('says 1012 to everybody, and leaves nothing that keeps the process alive (PROTOCOL 10.1, 10.4)', async () => {
    await using server = ScriptProcess.run(await bundle('pulse-server.ts'), ['127.0.0.1', '500', '2']);
    const url = `ws://127.0.0.1:${await server.line('listening')}/pulse`;
    const plain = await TestClient.connect(url);
    const sdk = await TestClient.connectSdk(url);
    server.write('close');
    expect(await sdk.next('$drain')).toMatchObject({ data: { reason: 'service restart' } });
    for (const client of [plain, sdk]) {
      expect(await client.closed).toEqual({ code: 1012, reason: 'service restart' });
    }
    for (let left = 0; left < 2; left++) {
      expect(JSON.parse(await server.line('left'))).toMatchObject({ name: 'SERVICE_RESTART', initiator: 'server' });
    }
    await server.line('closed');
    await server.end();
    expect(server.exitCode).toBe(0);
    expect(server.printed).toEqual([]);
  });

  it('may be called twice, at once and afterwards, and leaves no timer of the clock', async () => {
    const clock = new ManualClock();
    const app = await PulseApp.start({ options: {}, clock });
    const client = await TestClient.connect(app.url);
    const { app: nest } = app.nest;
    await Promise.all([nest.close(), nest.close()]);
    await nest.close();
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(clock.pending).toBe(0);
  });

  it('closes with 1012 a peer that has already missed a beat, too', async () => {
    const clock = new ManualClock();
    const app = await PulseApp.start({
      options: { heartbeat: { intervalMs: 10_000, missedBeats: 2 } },
      clock,
      random: { next: () => 0 },
    });
    const client = await TestClient.connect(app.url, { answerPings: false });
    clock.advance(100);
    clock.advance(10_000);
    expect(app.missedBeats('plain')).toBe(1);
    await app.nest.close();
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(await app.nextDeparture()).toMatchObject({ name: 'SERVICE_RESTART' });
    expect(clock.pending).toBe(0);
  });
});
