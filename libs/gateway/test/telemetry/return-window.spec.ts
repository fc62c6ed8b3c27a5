import { ManualClock } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { ReturnWindow } from '../../src/telemetry/return-window.js';

/** A process in which each handshake takes so long. */
function measured(costMs: number, pauseMs: number, handshakes: number): ReturnWindow {
  const clock = new ManualClock();
  let busyMs = 0;
  const window = new ReturnWindow(clock, () => busyMs);
  for (let n = 0; n < handshakes; n++) {
    window.admitted();
    busyMs += costMs;
    clock.advance(costMs + pauseMs);
  }
  return window;
}

describe('the window of a return', () => {
  it.each([
    [1, undefined],
    [100, undefined],
    [101, undefined],
    [1_000, 2_000],
    [15_000, 30_000],
    [1_000_000, 30_000],
  ])('is not known yet for %i connections', (connections, ms) => {
    expect(new ReturnWindow(new ManualClock(), () => 0).widthFor(connections)).toBe(ms);
  });

  it.each([
    [1, 0],
    [4, 0],
    [4, 10],
    [20, 900],
  ])('follows what a handshake costs: %i ms, with pauses of %i ms', (costMs, pauseMs) => {
    const window = measured(costMs, pauseMs, 2_000);
    expect(window.perSecond).toBeCloseTo(1_000 / costMs, -1);
    expect(window.widthFor(10_000)).toBe(Math.min(30_000, Math.round(10_000_000 / window.perSecond)));
  });

  it('is not measured by handshakes that are far from each other', () => {
    expect(measured(400, 1_001, 500).perSecond).toBe(500);
  });
});
