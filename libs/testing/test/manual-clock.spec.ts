import { describe, expect, it } from 'vitest';
import { ManualClock } from '../src/index.js';

describe('ManualClock', () => {
  it('runs timers in the order of their time, equal ones in the order of arming, each at its instant', () => {
    const clock = new ManualClock(1_000);
    const seen: [string, number, number][] = [];
    const note = (name: string) => () => seen.push([name, clock.now(), clock.wallNow()]);
    clock.schedule(note('late'), 30);
    clock.schedule(note('early'), 10);
    clock.schedule(note('late too'), 30);
    clock.advance(29);
    expect(clock.pending).toBe(2);
    clock.advance(100);
    expect(seen).toEqual([
      ['early', 10, 1_010],
      ['late', 30, 1_030],
      ['late too', 30, 1_030],
    ]);
    expect(clock.now()).toBe(129);
  });

  it('runs what is armed meanwhile, when it falls into the span', () => {
    const clock = new ManualClock();
    let beats = 0;
    const beat = () => {
      beats++;
      clock.schedule(beat, 10);
    };
    clock.schedule(beat, 10);
    clock.advance(55);
    expect(beats).toBe(5);
    expect(clock.pending).toBe(1);
  });

  it('forgets a cancelled timer, and ignores unknown handles', () => {
    const clock = new ManualClock();
    let ran = false;
    const handle = clock.schedule(() => (ran = true), 5);
    clock.cancel(handle);
    clock.cancel(handle);
    clock.cancel(undefined);
    clock.advance(10);
    expect({ ran, pending: clock.pending }).toEqual({ ran: false, pending: 0 });
  });

  it('runs what became due in a stall late, at the next advance', () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    clock.schedule(() => seen.push(clock.now()), 5);
    clock.stall(2_000);
    expect(seen).toEqual([]);
    clock.advance(0);
    expect(seen).toEqual([2_000]);
  });
});
