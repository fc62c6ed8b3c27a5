import { type Clock, systemClock, type TimerHandle } from '@holdfast/gateway';
import { ManualClock, seededRandom } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { crowdAdmission, PulseApp } from './support/heartbeat.js';
import { PingedClient } from './support/pinged-client.js';

const intervalMs = 10_000;
const crowd = 1_000;

async function connectCrowd(app: PulseApp): Promise<PingedClient[]> {
  const clients: PingedClient[] = [];
  // More at once would meet the backlog of the listening socket.
  while (clients.length < crowd) {
    clients.push(...(await Promise.all(Array.from({ length: 100 }, () => PingedClient.connect(app.url)))));
  }
  return clients;
}

async function leave(clients: readonly PingedClient[]): Promise<void> {
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
}

/** Counts the timers that are armed and have not fired. */
class CountingClock implements Clock {
  readonly now = systemClock.now;
  readonly wallNow = systemClock.wallNow;
  readonly #armed = new Set<TimerHandle>();
  most = 0;

  get armed(): number {
    return this.#armed.size;
  }

  schedule(task: () => void, delayMs: number): TimerHandle {
    const handle: TimerHandle = systemClock.schedule(() => {
      this.#armed.delete(handle);
      task();
    }, delayMs);
    this.#armed.add(handle);
    this.most = Math.max(this.most, this.armed);
    return handle;
  }

  cancel(handle: TimerHandle): void {
    this.#armed.delete(handle);
    systemClock.cancel(handle);
  }
}

describe('a thousand connections', () => {
  it('that came at once are asked one after the other across the interval', async () => {
    const clock = new ManualClock();
    await using app = await PulseApp.start({
      options: { heartbeat: { intervalMs, missedBeats: 2 }, admission: crowdAdmission },
      clock,
      random: seededRandom(1),
    });
    const clients = await connectCrowd(app);
    const asked = async (): Promise<number> => {
      await Promise.all(clients.map((client) => client.settle()));
      return clients.reduce((sum, { pings }) => sum + pings, 0);
    };
    expect(await asked()).toBe(0);
    const slots: number[] = [];
    for (let slot = 0, before = 0; slot < 10; slot++) {
      clock.advance(intervalMs / 10);
      const total = await asked();
      slots.push(total - before);
      before = total;
    }
    // A hundred in each were ideal; 10 standard deviations of chance away is a different rule.
    for (const count of slots) expect(Math.abs(count - crowd / 10)).toBeLessThan(95);
    clock.advance(100);
    await asked();
    expect(clients.every(({ pings }) => pings >= 1)).toBe(true);
    clock.advance(intervalMs - 100);
    expect(await asked()).toBe(2 * crowd);
    expect(app.missedBeats('plain')).toBe(0);

    expect(clock.pending).toBe(1);
    await leave(clients);
    while (app.connections.length > 0) await app.nextDeparture();
    expect(clock.pending).toBe(0);
  });

  it('share one timer of the real clock, and leave none', async () => {
    const clock = new CountingClock();
    const app = await PulseApp.start({
      options: {
        heartbeat: { intervalMs: 300, missedBeats: 5 },
        admission: crowdAdmission,
        lifecycle: { drainWindowMs: 0 },
      },
      clock,
    });
    const clients = await connectCrowd(app);
    await Promise.all(clients.map((client) => client.nextPing()));
    expect(clock.armed).toBe(1);
    expect(clock.most).toBe(1);
    await app.nest.close();
    expect(new Set(await Promise.all(clients.map(({ closed }) => closed)))).toEqual(new Set([1012]));
    expect(clock.armed).toBe(0);
  });
});
