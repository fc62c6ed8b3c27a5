import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SetIndex } from '../../src/ground/set-index.js';

describe('SetIndex', () => {
  it('holds what a map of sets would hold, whatever is added and taken away', () => {
    const step = fc.record({
      add: fc.boolean(),
      key: fc.integer({ min: 0, max: 3 }),
      value: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const index = new SetIndex<number, number>();
        const model = new Map([0, 1, 2, 3].map((key) => [key, new Set<number>()]));
        for (const { add, key, value } of steps) {
          if (add) index.add(key, value);
          else index.delete(key, value);
          if (add) model.get(key)?.add(value);
          else model.get(key)?.delete(value);
        }
        for (const [key, values] of model) expect(index.get(key)).toEqual(values);
      }),
    );
  });

  it('gives the same empty set for every key that has no values', () => {
    const index = new SetIndex<string, number>();
    index.add('left', 1);
    index.delete('left', 1);
    expect(index.get('left').size).toBe(0);
    expect(index.get('left')).toBe(index.get('never'));
  });

  it('may be iterated while values leave and join', () => {
    const index = new SetIndex<string, number>();
    for (const value of [1, 2, 3]) index.add('key', value);
    const visited: number[] = [];
    for (const value of index.get('key')) {
      visited.push(value);
      index.delete('key', 2);
      if (visited.length === 1) index.add('key', 4);
    }
    expect(visited).toEqual([1, 3, 4]);
  });

  it('touches one group only, however many there are', () => {
    const counted = new CountedKeys();
    const index = new SetIndex<object, number>();
    const keys = Array.from({ length: 1_000 }, () => counted.key());
    for (const [value, key] of keys.entries()) index.add(key, value);
    const [, second = {}] = keys;
    index.add(second, -1);
    index.delete(second, 1);
    expect([...index.get(second)]).toEqual([-1]);
    expect(counted.touched).toBe(0);
  });
});

/** Keys that count whenever anybody looks into one or goes through them, which a lookup by identity never does. */
class CountedKeys {
  touched = 0;

  key(): object {
    const count = (): undefined => {
      this.touched++;
      return undefined;
    };
    return new Proxy({}, { get: count, ownKeys: () => (count(), []), has: () => (count(), false) });
  }
}
