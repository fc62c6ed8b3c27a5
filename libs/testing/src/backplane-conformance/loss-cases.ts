import assert from 'node:assert/strict';
import type { FaultCases } from './fault-cases.js';
import { textOf } from './recorder.js';
import { countTo, publish, read, topOf, type World } from './world.js';

/** Loss of data in the engine. */
export const lossCases: FaultCases = {
  'begins a new epoch at 1 when it was emptied, and never comes back to an old one (1, 3)': {
    needs: ['empty'],
    run: async (world) => {
      const node = await world.node();
      const epochs = new Set<string>();
      for (let times = 1; times <= 3; times++) {
        const [first] = await publish(node, 'room', ['a', 'b']);
        assert.equal(first?.offset, 1);
        epochs.add(first.epoch);
        assert.equal(epochs.size, times);
        await world.control('empty')();
        await world.rest();
        const result = await settledRead(world, () => read(node, 'room', first));
        assert.ok(!result.whole);
        assert.equal(result.reason, 'epoch');
        assert.ok(!epochs.has(result.top.epoch));
      }
    },
  },

  'goes on in a new epoch from where it was rolled back to, and says exactly what is undone (3, read)': {
    needs: ['mark', 'rollBack'],
    run: async (world) => {
      const node = await world.node();
      const roll = async (): Promise<void> => {
        await world.control('rollBack')(mark);
        await world.rest();
      };
      const first = await publish(node, 'room', countTo(5));
      let mark = await world.control('mark')();
      const lost = await publish(node, 'room', ['lost 6', 'lost 7', 'lost 8']);
      await roll();
      const second = await publish(node, 'room', ['6', '7']);
      assert.deepEqual(
        second.map(({ offset }) => offset),
        [6, 7],
      );
      assert.notEqual(second[0]?.epoch, first[0]?.epoch);
      mark = await world.control('mark')();
      await publish(node, 'room', ['lost 8']);
      await roll();
      await publish(node, 'room', ['8']);
      const { epoch } = await topOf(node, 'room');
      const expected: [from: { epoch: string; offset: number } | undefined, at: number, undone: number][] = [
        [first[2], 3, 0],
        [first[4], 5, 0],
        [lost[2], 5, 3],
        [second[0], 6, 0],
        [second[1], 7, 0],
        [{ epoch: second[0]?.epoch ?? '', offset: 8 }, 7, 1],
      ];
      for (const [since = null, from, undone] of expected) {
        const result = await read(node, 'room', since);
        assert.ok(result.whole, `${since?.epoch}/${since?.offset} can be continued`);
        assert.deepEqual([result.from, result.undone], [from, undone]);
        assert.deepEqual(
          result.items.map((item) => [item.epoch, item.offset, textOf(item.item)]),
          countTo(8)
            .slice(from)
            .map((text) => [epoch, Number(text), text]),
        );
      }
    },
  },

  'gives the newest item that is left in a `latest` room, or says that it is not kept (read)': {
    needs: ['mark', 'rollBack'],
    run: async (world) => {
      const node = await world.node();
      const latest = { size: 1, ttlMs: 3_600_000 };
      await publish(node, 'room', ['a'], latest);
      const mark = await world.control('mark')();
      const [undone] = await publish(node, 'room', ['b'], latest);
      await world.control('rollBack')(mark);
      await world.rest();
      const result = await settledRead(world, () => read(node, 'room', undone ?? null, latest));
      assert.deepEqual(result.top.offset, 1);
      assert.notEqual(result.top.epoch, undone?.epoch);
      if (result.whole) assert.deepEqual([result.undone, result.items.map(({ item }) => textOf(item))], [1, ['a']]);
      else assert.equal(result.reason, 'trimmed');
    },
  },
};

/** Repeats a call until it succeeds: an engine may need some time after a restart. */
async function settledRead<T>(world: World, call: () => Promise<T>): Promise<T> {
  for (let times = 0; times < 50; times++) {
    try {
      return await call();
    } catch {
      await world.rest();
    }
  }
  return call();
}
