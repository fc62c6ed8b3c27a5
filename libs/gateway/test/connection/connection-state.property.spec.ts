import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConnectionState, mayChange } from '../../src/connection/connection-state.js';

const life: readonly ConnectionState[] = ['admitting', 'open', 'draining', 'closed'];
const state = fc.constantFrom(...life);

describe('the state of a connection', () => {
  it('moves forward only, however often and in whatever order it is asked to', () => {
    fc.assert(
      fc.property(fc.array(state, { maxLength: 20 }), (asked) => {
        const lived: ConnectionState[] = ['admitting'];
        for (const to of asked) if (mayChange(lived.at(-1) ?? 'closed', to)) lived.push(to);
        expect(lived).toEqual(life.filter((each) => lived.includes(each)));
        expect(new Set(lived).size).toBe(lived.length);
      }),
    );
  });

  it('can end from everywhere but the end', () => {
    expect(life.map((from) => mayChange(from, 'closed'))).toEqual([true, true, true, false]);
  });

  it('knows a way from each state to each later one, and none back or on the spot', () => {
    fc.assert(
      fc.property(state, state, (from, to) => {
        expect(mayChange(from, to)).toBe(life.indexOf(to) > life.indexOf(from));
      }),
    );
  });
});
