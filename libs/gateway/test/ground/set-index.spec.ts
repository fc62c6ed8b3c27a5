import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

  it('gives live views, also of keys that have no values yet, or have none for a while', () => {
    const index = new SetIndex<string, number>();
    const view = index.get('key');
    expect([...view]).toEqual([]);
    index.add('key', 1);
    expect([...view]).toEqual([1]);
    index.delete('key', 1);
    expect([...view]).toEqual([]);
    index.add('key', 2);
    expect([...view]).toEqual([2]);
    expect(index.get('key')).toBe(view);
  });

  it('does not let a stranger fill the memory by asking for keys', async () => {
    const index = new SetIndex<string, number>();
    const ask = (round: number): void => {
      for (let number = 0; number < 50_000; number++) index.get(`key ${round} ${number}`);
    };
    // The first round shows how large the maps become.
    await heapGrowth(() => ask(0));
    const growths = [];
    for (const round of [1, 2, 3]) growths.push(await heapGrowth(() => ask(round)));
    // 50,000 sets alone would take 10 MB.
    expect(Math.min(...growths)).toBeLessThan(500_000);
    expect(index.get('key 1 1').size).toBe(0);
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

/** Bytes of heap that are left of `work` when the garbage collector and what it calls back have run. */
async function heapGrowth(work: () => void): Promise<number> {
  const before = await heapUsed();
  work();
  return (await heapUsed()) - before;
}

async function heapUsed(): Promise<number> {
  setFlagsFromString('--expose-gc');
  // Only a context that is made after the flag has it.
  const gc = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round++) {
    gc();
    await setImmediate();
  }
  return process.memoryUsage().heapUsed;
}

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
