import { ManualClock } from '@holdfast/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerWheel, type WheelTask } from '../../src/ground/timer-wheel.js';
import { ByteRate, type ByteRateOwner } from '../../src/intake/byte-rate.js';

class Reader implements ByteRateOwner {
  readonly clock = new ManualClock();
  isPaused = false;
  readonly rate: ByteRate;
  readonly #wheel = new TimerWheel(this.clock);

  constructor(bytesPerSecond: number) {
    this.rate = new ByteRate(this, bytesPerSecond, this.clock);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  after(task: WheelTask, delayMs: number): void {
    this.#wheel.schedule(task, delayMs);
  }
}

describe('the byte rate of a connection', () => {
  it('lets one second of it pass at once, then pauses for as long as the excess takes', () => {
    const reader = new Reader(10_000);
    reader.rate.spend(10_000);
    expect(reader.isPaused).toBe(false);
    reader.rate.spend(5_000);
    expect(reader.isPaused).toBe(true);
    reader.clock.advance(499);
    expect(reader.isPaused).toBe(true);
    reader.clock.advance(101);
    expect(reader.isPaused).toBe(false);
  });

  it('has two seconds of it at most after a rest, however long', () => {
    const reader = new Reader(10_000);
    reader.clock.advance(60_000);
    reader.rate.spend(10_000);
    reader.rate.spend(10_000);
    expect(reader.isPaused).toBe(false);
    reader.rate.spend(1);
    expect(reader.isPaused).toBe(true);
  });

  it('pauses for longer when what was on its way already comes in the pause', () => {
    const reader = new Reader(10_000);
    reader.rate.spend(20_000);
    reader.rate.spend(10_000);
    reader.clock.advance(1_900);
    expect(reader.isPaused).toBe(true);
    reader.clock.advance(200);
    expect(reader.isPaused).toBe(false);
  });

  it('never exceeds the rate in the long run, whatever comes', () => {
    const frames = fc.array(fc.record({ bytes: fc.nat({ max: 3_000 }), wait: fc.nat({ max: 300 }) }), {
      maxLength: 200,
    });
    const property = fc.property(frames, fc.integer({ min: 1_024, max: 20_000 }), (coming, bytesPerSecond) => {
      const reader = new Reader(bytesPerSecond);
      let received = 0;
      for (const { bytes, wait } of coming) {
        reader.clock.advance(wait);
        // A socket that is not read delivers nothing: the client waits.
        while (reader.isPaused) reader.clock.advance(50);
        expect(received).toBeLessThanOrEqual(bytesPerSecond + (bytesPerSecond * reader.clock.now()) / 1000 + 1e-6);
        reader.rate.spend(bytes);
        received += bytes;
      }
      reader.clock.advance(10_000);
      expect(reader.isPaused).toBe(false);
      expect(reader.clock.pending).toBe(0);
    });
    fc.assert(property);
  });
});
