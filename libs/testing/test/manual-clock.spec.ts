import fc from 'fast-check';
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

  it('moves from timer to timer, until none is armed', () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    for (const delayMs of [30, 10, 30]) clock.schedule(() => seen.push(clock.now()), delayMs);
    expect(clock.advanceToNext()).toBe(true);
    expect(seen).toEqual([10]);
    expect(clock.advanceToNext()).toBe(true);
    expect(seen).toEqual([10, 30, 30]);
    expect(clock.advanceToNext()).toBe(false);
    expect(clock.now()).toBe(30);
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

  it('ignores handles that are none of its own', () => {
    const clock = new ManualClock();
    const other = new ManualClock();
    clock.schedule(() => undefined, 5);
    for (const handle of [other.schedule(() => undefined, 5), undefined, null, 0, 'timer', {}]) clock.cancel(handle);
    expect(clock.pending).toBe(1);
    expect(other.pending).toBe(1);
  });

  it('takes back a timer that is due at the same instant, from another one', () => {
    const clock = new ManualClock();
    let ran = false;
    clock.schedule(() => clock.cancel(handle), 5);
    const handle = clock.schedule(() => (ran = true), 5);
    clock.advance(5);
    expect({ ran, pending: clock.pending }).toEqual({ ran: false, pending: 0 });
  });

  it('never runs what is armed for ever, and can take it back', () => {
    const clock = new ManualClock();
    let ran = false;
    const handle = clock.schedule(() => (ran = true), Infinity);
    clock.advance(Number.MAX_SAFE_INTEGER);
    expect({ ran, pending: clock.pending }).toEqual({ ran: false, pending: 1 });
    clock.cancel(handle);
    expect(clock.pending).toBe(0);
  });

  it('may be moved by a timer, and loses none', () => {
    const clock = new ManualClock();
    const seen: [string, number][] = [];
    const note = (name: string) => () => seen.push([name, clock.now()]);
    clock.schedule(() => {
      clock.schedule(note('armed before'), 0);
      clock.advance(10);
      clock.schedule(note('armed after'), 0);
    }, 5);
    clock.schedule(note('same instant'), 5);
    clock.schedule(note('later'), 8);
    clock.advance(5);
    expect(seen).toEqual([
      ['same instant', 5],
      ['armed before', 5],
      ['later', 8],
    ]);
    clock.advance(0);
    expect(seen.at(-1)).toEqual(['armed after', 15]);
    expect(clock.pending).toBe(0);
  });

  it('goes on after a timer that throws', () => {
    const clock = new ManualClock();
    let ran = 0;
    clock.schedule(() => {
      throw new Error('oops');
    }, 5);
    clock.schedule(() => ran++, 5);
    expect(() => clock.advance(5)).toThrow('oops');
    expect(clock.pending).toBe(1);
    clock.advance(0);
    expect({ ran, pending: clock.pending }).toEqual({ ran: 1, pending: 0 });
  });

  it('keeps the order and the count whatever is armed and taken back in between', () => {
    const action = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('arm' as const),
          ms: fc.oneof(fc.integer({ min: -2, max: 20 }), fc.constantFrom(NaN, Infinity)),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), ms: fc.nat(40) }) },
      fc.record({ do: fc.constant('advance' as const), ms: fc.nat(10) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const clock = new ManualClock();
        const handles: unknown[] = [];
        // The same by the simplest means: a list that is searched from the beginning.
        const model: { name: number; dueAt: number }[] = [];
        const ran: number[] = [];
        const expected: number[] = [];
        for (const { do: what, ms } of actions) {
          if (what === 'arm') {
            const name = handles.length;
            handles.push(clock.schedule(() => ran.push(name), ms));
            model.push({ name, dueAt: clock.now() + (ms > 0 ? ms : 0) });
          } else if (what === 'cancel') {
            clock.cancel(handles[ms]);
            const found = model.findIndex(({ name }) => name === ms);
            if (found >= 0) model.splice(found, 1);
          } else {
            clock.advance(ms);
            const due = model.filter(({ dueAt }) => dueAt <= clock.now());
            // Sorting is stable: equal ones stay in the order of arming.
            for (const timer of due.toSorted((a, b) => a.dueAt - b.dueAt)) {
              expected.push(timer.name);
              model.splice(model.indexOf(timer), 1);
            }
          }
          expect(clock.pending).toBe(model.length);
        }
        expect(ran).toEqual(expected);
      }),
    );
  });
});
