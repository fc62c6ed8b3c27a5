import assert from 'node:assert/strict';
import type { FaultCases } from './fault-cases.js';
import { countTo, publish, read, textOf, topOf, type World } from './world.js';

/** What becomes of a log when the engine loses its data. */
export const lossCases: FaultCases = {
  'begins a new epoch at 1 when it was emptied, and never comes back to an old one (3, 18, 20)': {
    needs: ['empty'],
    run: async (world) => {
      const node = await world.node();
      const epochs = new Set<string>();
      for (let times = 1; times <= 3; times++) {
        const [first] = await publish(node, 'room', ['a', 'b']);
        assert.equal(first?.offset, 1);
        epochs.add(first.epoch);
        assert.equal(epochs.size, times);
        await world.hand('empty')();
        await world.rest();
        const result = await settledRead(world, () => read(node, 'room', first));
        assert.ok(!result.whole);
        assert.equal(result.reason, 'epoch');
        assert.ok(!epochs.has(result.top.epoch));
      }
    },
  },

  'goes on in a new epoch from where it was rolled back to, and says exactly what is undone (3, 19)': {
    needs: ['mark', 'rollBack'],
    run: async (world) => {
      const node = await world.node();
      const roll = async (): Promise<void> => {
        await world.hand('rollBack')(mark);
        await world.rest();
      };
      const first = await publish(node, 'room', countTo(5));
      let mark = await world.hand('mark')();
      const lost = await publish(node, 'room', ['lost 6', 'lost 7', 'lost 8']);
      await roll();
      const second = await publish(node, 'room', ['6', '7']);
      assert.deepEqual(
        second.map(({ offset }) => offset),
        [6, 7],
      );
      assert.notEqual(second[0]?.epoch, first[0]?.epoch);
      mark = await world.hand('mark')();
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

  'gives the newest item of a `latest` room again when a later one is undone (19)': {
    needs: ['mark', 'rollBack'],
    run: async (world) => {
      const node = await world.node();
      const latest = { size: 1, ttlMs: 3_600_000 };
      // So that engines that keep one item only have not dropped it.
      await publish(node, 'room', ['kept'], latest);
      const mark = await world.hand('mark')();
      const before = await topOf(node, 'room');
      await world.hand('rollBack')(mark);
      await world.rest();
      const result = await read(node, 'room', before, latest);
      assert.ok(result.whole);
      assert.equal(result.undone, 0);
      assert.notEqual(result.top.epoch, before.epoch);
    },
  },
};

/** An engine that was restarted may need a moment. */
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
