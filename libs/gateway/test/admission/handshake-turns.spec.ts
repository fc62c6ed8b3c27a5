import { ManualClock } from '@holdfast/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandshakeTurns } from '../../src/admission/handshake-turns.js';
import { isRefusal, type Refusal } from '../../src/admission/refusal.js';

type Place = ReturnType<HandshakeTurns['take']>;

/** Turns of an event loop that the test ends itself. */
function turnsOf({ perSecond = 1_000, maxWaitMs = 100 } = {}) {
  const clock = new ManualClock();
  const due: (() => void)[] = [];
  const rate = { perSecond };
  const turns = new HandshakeTurns({
    clock,
    perSecond: () => rate.perSecond,
    maxWaitMs,
    nextTurn: (callback) => due.push(callback),
  });
  const begun: number[] = [];
  /** Takes `count` places; those that begin at once or later are in `begun` by the number of their coming. */
  let came = 0;
  const take = (count: number): Place[] =>
    Array.from({ length: count }, () => {
      const number = came++;
      const place = turns.take();
      if (place === undefined) begun.push(number);
      else if (!isRefusal(place)) void place.then(() => begun.push(number));
      return place;
    });
  const endTurn = async (): Promise<void> => {
    due.shift()?.();
    await new Promise(process.nextTick);
  };
  return { clock, due, rate, begun, take, endTurn };
}

const refusedIn = (places: Place[]): Refusal[] => places.filter(isRefusal);

describe('HandshakeTurns (PROTOCOL.md 2.9)', () => {
  it('takes at once what five milliseconds are enough for', () => {
    const { take } = turnsOf({ perSecond: 1_000 });
    expect(take(5)).toEqual(Array(5).fill(undefined));
    expect(take(1)[0]).toBeInstanceOf(Promise);
  });

  it('lets the others wait, as many in each turn of the loop, in the order of their coming', async () => {
    const { take, endTurn, begun } = turnsOf({ perSecond: 1_000 });
    void take(12);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
    await endTurn();
    expect(begun).toHaveLength(10);
    void take(1);
    await endTurn();
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('takes at least one in each turn, however long one takes', async () => {
    const { take, endTurn, begun } = turnsOf({ perSecond: 10, maxWaitMs: 1_000 });
    void take(3);
    expect(begun).toEqual([0]);
    await endTurn();
    expect(begun).toEqual([0, 1]);
  });

  it('asks for no more turns when nobody waits', async () => {
    const { take, endTurn, due } = turnsOf();
    void take(7);
    while (due.length > 0) await endTurn();
    expect(due).toEqual([]);
    expect(take(1)).toEqual([undefined]);
  });

  it('refuses those that would wait too long, each with a time of its own', () => {
    const { take } = turnsOf({ perSecond: 1_000, maxWaitMs: 100 });
    expect(refusedIn(take(105))).toEqual([]);
    const refused = refusedIn(take(3));
    expect(refused).toEqual([
      expect.objectContaining({ code: 'OVERLOADED', status: 503, retryAfterMs: 101 }),
      expect.objectContaining({ retryAfterMs: 102 }),
      expect.objectContaining({ retryAfterMs: 103 }),
    ]);
  });

  it('forgets the times it has told as they pass', () => {
    const { take, clock } = turnsOf({ perSecond: 1_000, maxWaitMs: 100 });
    void take(105 + 200);
    clock.advance(150);
    expect(refusedIn(take(1))).toEqual([expect.objectContaining({ retryAfterMs: 151 })]);
    clock.advance(10_000);
    expect(refusedIn(take(1))).toEqual([expect.objectContaining({ retryAfterMs: 101 })]);
  });

  it('0: none waits', () => {
    const { take } = turnsOf({ perSecond: 1_000, maxWaitMs: 0 });
    expect(refusedIn(take(6))).toHaveLength(1);
  });

  it('Infinity: all wait', () => {
    const { take } = turnsOf({ perSecond: 10, maxWaitMs: Infinity });
    expect(refusedIn(take(10_000))).toEqual([]);
  });

  it('property: whoever is let in begins once and in order, whoever is refused is told at most 30 s', async () => {
    const step = fc.oneof(
      fc.record({ take: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ pass: fc.integer({ min: 0, max: 500 }) }),
      fc.record({ rate: fc.double({ min: 0.5, max: 20_000, noNaN: true }) }),
      fc.constant('turn' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { take, clock, rate, endTurn, begun, due } = turnsOf({ maxWaitMs: 50 });
        const places: Place[] = [];
        for (const next of steps) {
          if (next === 'turn') await endTurn();
          else if ('take' in next) places.push(...take(next.take));
          else if ('pass' in next) clock.advance(next.pass);
          else rate.perSecond = next.rate;
        }
        while (due.length > 0) await endTurn();
        expect(begun).toEqual(places.flatMap((place, number) => (isRefusal(place) ? [] : [number])));
        for (const { retryAfterMs = 0 } of refusedIn(places)) {
          expect(retryAfterMs).toBeGreaterThan(0);
          expect(retryAfterMs).toBeLessThanOrEqual(30_000);
        }
      }),
    );
  });
});
