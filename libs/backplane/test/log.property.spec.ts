import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Publication } from '../src/index.js';
import { Fifo } from '../src/log/fifo.js';
import { Rotation } from '../src/log/rotation.js';
import { Tail } from '../src/log/tail.js';

const publicationAt = (offset: number, size: number): Publication => ({
  ...{ epoch: 'e', room: 'room', at: 0 },
  offset,
  item: new Uint8Array(size),
});

describe('a tail, whatever is done to it', () => {
  const action = fc.oneof(
    { weight: 5, arbitrary: fc.nat(9).map((size) => ({ kind: 'push' as const, size })) },
    { weight: 4, arbitrary: fc.constant({ kind: 'dropOldest' as const }) },
    { weight: 1, arbitrary: fc.nat(40).map((offset) => ({ kind: 'dropAfter' as const, offset })) },
    { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
  );

  it('holds what a plain list would, and finds each by its offset', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
        const tail = new Tail();
        let list: Publication[] = [];
        let top = 0;
        for (const each of actions) {
          if (each.kind === 'push') {
            const publication = publicationAt(++top, each.size);
            tail.push(publication);
            list.push(publication);
          } else if (each.kind === 'dropOldest') {
            tail.dropOldest();
            list.shift();
          } else if (each.kind === 'dropAfter') {
            tail.dropAfter(each.offset);
            list = list.filter(({ offset }) => offset <= each.offset);
            top = Math.min(top, Math.max(each.offset, list.at(-1)?.offset ?? 0));
          } else {
            tail.clear();
            list = [];
          }
          expect([tail.length, tail.oldest, tail.newest]).toEqual([list.length, list[0], list.at(-1)]);
          expect(tail.bytes).toBe(list.reduce((sum, { item }) => sum + item.byteLength, 0));
          const first = list[0]?.offset ?? 0;
          for (const offset of [first - 1, first, first + 1, top, top + 1]) {
            expect(tail.at(offset)).toBe(list.find((publication) => publication.offset === offset));
          }
        }
      }),
    );
  });
});

describe('a queue, whatever is done to it', () => {
  it('gives back what it got, in its order', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (pushes) => {
        const queue = new Fifo<number>();
        const list: number[] = [];
        for (const [number, isPush] of pushes.entries()) {
          if (isPush) {
            queue.push(number);
            list.push(number);
          } else {
            expect(queue.shift()).toBe(list.shift());
          }
          expect([queue.size, queue.first]).toEqual([list.length, list[0]]);
        }
      }),
    );
  });
});

describe('a rotation, whatever is added and removed', () => {
  const change = fc.record({ add: fc.nat(3), remove: fc.nat(3), share: fc.double({ min: 0.01, max: 1, noNaN: true }) });

  it('looks at everything once per round, and at none twice in one call', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.array(change, { minLength: 1, maxLength: 60 }), (size, changes) => {
        const map = new Map<string, number>();
        let made = 0;
        const add = (): unknown => map.set(`key ${made}`, made++);
        for (let count = 0; count < size; count++) add();
        const rotation = new Rotation(map);
        /** Shares since each key was seen, or added. */
        const since = new Map<string, number>();
        for (const { add: adds, remove, share } of changes) {
          for (const key of map.keys()) since.set(key, (since.get(key) ?? 0) + share);
          const seen = rotation.next(share).map(([key]) => key);
          expect(new Set(seen).size).toBe(seen.length);
          for (const key of seen) {
            expect(map.has(key)).toBe(true);
            since.set(key, 0);
          }
          for (const key of map.keys()) expect(since.get(key)).toBeLessThan(4);
          for (const key of [...map.keys()].slice(0, remove)) {
            map.delete(key);
            since.delete(key);
          }
          for (let count = 0; count < adds; count++) add();
        }
      }),
    );
  });

  it('spreads a round over as many calls as the share says', () => {
    const rotation = new Rotation(new Map(['a', 'b', 'c'].map((key, index) => [key, index])));
    const calls = Array.from({ length: 40 }, () => rotation.next(1 / 20).map(([key]) => key));
    expect(calls.flat()).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
    expect(new Rotation(new Map()).next(1)).toEqual([]);
  });
});
