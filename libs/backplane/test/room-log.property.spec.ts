import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { History, Position, ReadResult } from '../src/index.js';
import { RoomLog } from '../src/memory/room-log.js';

const size = 8;
const log: History = { size, ttlMs: Infinity };
const latest: History = { size: 1, ttlMs: Infinity };
const page = { items: 1_000, bytes: 1_000_000 };

const action = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 4 }).map((items) => ({ items, lost: undefined })) },
  { weight: 1, arbitrary: fc.nat(5).map((lost) => ({ items: 0, lost })) },
);

/** Everything that each epoch ever had: the number of each item, by offset. */
class Model {
  readonly epochs = new Map<string, number[]>([['e0', []]]);
  epoch = 'e0';
  /** The oldest offset that is kept. */
  first = 1;
  #made = 0;

  get items(): number[] {
    return this.epochs.get(this.epoch) ?? [];
  }

  append(count: number): number[] {
    const added = Array.from({ length: count }, () => ++this.#made % 256);
    this.items.push(...added);
    this.first = Math.max(this.first, this.items.length - size + 1);
    return added;
  }

  fork(lost: number): { top: number; epoch: string } {
    const kept = this.items.slice(0, Math.max(0, this.items.length - lost));
    this.epoch = `e${this.epochs.size}`;
    this.epochs.set(this.epoch, kept);
    if (this.first > kept.length + 1) this.first = kept.length + 1;
    return { top: kept.length, epoch: this.epoch };
  }

  /** How much of a position's log is still there. */
  common({ epoch, offset }: Position): number {
    const other = this.epochs.get(epoch) ?? [];
    let common = 0;
    while (common < offset && common < this.items.length && other[common] === this.items[common]) common++;
    return common;
  }
}

function apply(actions: readonly { items: number; lost: number | undefined }[], history: History) {
  const model = new Model();
  const room = new RoomLog('room', model.epoch);
  for (const { items, lost } of actions) {
    if (lost === undefined) {
      const added = model.append(items);
      room.append(
        added.map((number) => Uint8Array.of(number)),
        history,
        0,
      );
    } else {
      const { top, epoch } = model.fork(lost);
      room.fork(top, epoch);
    }
  }
  return { model, room };
}

function itemsOf(result: ReadResult): (number | undefined)[] {
  return result.whole ? result.items.map(({ item }) => item[0]) : [];
}

describe('a log that loses its end now and then', () => {
  it('gives everything after any position that was ever given, or says why not', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 14 }), (actions) => {
        const { model, room } = apply(actions, log);
        const top = { epoch: model.epoch, offset: model.items.length };
        expect(room.top).toEqual(top);
        for (const [epoch, given] of model.epochs) {
          for (let offset = 0; offset <= given.length; offset++) {
            const result = room.read({ epoch, offset }, page, log);
            const from = model.common({ epoch, offset });
            if (from < top.offset && from + 1 < model.first) {
              expect(result).toEqual({ whole: false, top, reason: 'trimmed' });
              continue;
            }
            expect(result).toMatchObject({ whole: true, top, from, undone: offset - from, more: false });
            expect(itemsOf(result)).toEqual(model.items.slice(from));
            if (result.whole) expect(result.items.every((item) => item.epoch === model.epoch)).toBe(true);
          }
        }
        expect(room.read({ epoch: 'unknown', offset: 0 }, page, log)).toEqual({ whole: false, top, reason: 'epoch' });
        const future = { epoch: model.epoch, offset: top.offset + 1 };
        expect(room.read(future, page, log)).toEqual({ whole: false, top, reason: 'future' });
      }),
    );
  });

  it('gives the newest item of a latest-only room to everybody who does not have it', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 14 }), (actions) => {
        const { model, room } = apply(actions, latest);
        const newest = model.items.at(-1);
        for (const [epoch, given] of model.epochs) {
          for (let offset = 0; offset <= given.length; offset++) {
            const from = model.common({ epoch, offset });
            const result = room.read({ epoch, offset }, page, latest);
            const hasIt = from === model.items.length && offset === from;
            if (hasIt || newest === undefined) expect(itemsOf(result)).toEqual([]);
            else if (result.whole) expect(itemsOf(result)).toEqual([newest]);
            else expect(result.reason).toBe('trimmed');
            if (result.whole) expect(result.undone).toBe(offset - from);
          }
        }
      }),
    );
  });

  it('gives the same page by page', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 14 }), fc.integer({ min: 1, max: 4 }), (actions, items) => {
        const { model, room } = apply(actions, log);
        let since: Position = { epoch: model.epoch, offset: model.first - 1 };
        const read: (number | undefined)[] = [];
        for (let hasMore = true; hasMore;) {
          const result = room.read(since, { items, bytes: 1_000 }, log);
          if (!result.whole) throw new Error(result.reason);
          expect(result.items.length).toBeLessThanOrEqual(items);
          read.push(...itemsOf(result));
          since = result.items.at(-1) ?? since;
          hasMore = result.more;
        }
        expect(read).toEqual(model.items.slice(model.first - 1));
      }),
    );
  });
});
