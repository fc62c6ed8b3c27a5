import assert from 'node:assert/strict';
import type { BackplaneCapability } from './harness.js';
import { textOf } from './recorder.js';
import {
  assertRejected,
  bytes,
  type Case,
  countTo,
  keepsAll,
  logOf,
  page,
  publish,
  rejectionOf,
  type World,
} from './world.js';

/** A test, and the controls that it needs. */
interface FaultCase {
  readonly needs: readonly BackplaneCapability[];
  readonly run: Case;
}

export type FaultCases = Readonly<Record<string, FaultCase>>;

/** Faults between a node and the engine. */
export const faultCases: FaultCases = {
  'carries a publish out once when its answer is lost, and never says that it failed (2, 5)': {
    needs: ['loseReply'],
    run: async (world) => {
      const node = await world.node();
      await publish(node, 'room', ['before']);
      await world.control('loseReply')(node.backplane);
      const call = node.backplane.publish('room', [bytes('a')], { history: keepsAll });
      const later = node.backplane.publish('room', [bytes('b')], { history: keepsAll });
      const outcomes = await settled(world, [call, later]);
      assert.notEqual(outcomes[0], 'none', 'it was carried out');
      await world.rest();
      const log = await logOf(node, 'room');
      assert.equal(log.filter((text) => text === 'a').length, 1);
      assert.deepEqual(
        log.filter((text) => text !== 'a' || outcomes[0] === 'stored'),
        ['before', ...(outcomes[0] === 'stored' ? ['a'] : []), ...(outcomes[1] === 'none' ? [] : ['b'])],
      );
    },
  },

  'settles every call in time while the engine stands still, and does nothing later that it said it would not (2, 4, 5)':
    {
      needs: ['pause'],
      run: async (world) => {
        const node = await world.node();
        const { backplane } = node;
        await publish(node, 'room', ['before']);
        await world.control('pause')();
        const texts = countTo(5);
        const publishes = texts.map((text) => backplane.publish('room', [bytes(text)], { history: keepsAll }));
        const others = [
          backplane.read('room', null, page, keepsAll),
          backplane.tops(['room']),
          backplane.watch(['room']),
          backplane.send(null, bytes('command')),
        ];
        const outcomes = await settled(world, [...publishes, ...others]);
        await world.control('unpause')();
        await world.rest();
        const after = await settled(world, [backplane.publish('room', [bytes('after')], { history: keepsAll })]);
        assert.deepEqual(after, ['stored']);
        await world.harness.advance(backplane.deadlineMs);
        const log = await logOf(node, 'room');
        assert.deepEqual(
          [log[0], log.at(-1)],
          ['before', 'after'],
          'nothing that was given up comes after what followed',
        );
        const between = log.slice(1, -1);
        assert.deepEqual(
          between,
          texts.filter((text) => between.includes(text)),
          'each once and in order',
        );
        for (const [index, text] of texts.entries()) {
          if (outcomes[index] === 'none') assert.ok(!between.includes(text), `${text} was said not to be stored`);
          if (outcomes[index] === 'stored') assert.ok(between.includes(text), `${text} was said to be stored`);
        }
      },
    },

  'refuses what does not fit: nothing is stored, nothing delivered, and the rest stays (5, 10)': {
    needs: ['fill', 'empty'],
    run: async (world) => {
      const [node, other] = [await world.node(), await world.node()];
      await other.backplane.watch(['room']);
      await publish(node, 'room', ['before']);
      await world.control('fill')();
      const tooMuch = node.backplane.publish('room', [bytes('a'.repeat(100_000))], { history: keepsAll });
      await assertRejected([tooMuch], 'FULL');
      await world.rest();
      assert.deepEqual(await logOf(node, 'room'), ['before']);
      assert.deepEqual(other.sink.textsOf('room'), ['before']);
      await world.control('empty')();
      assert.equal((await publish(node, 'room', ['after'])).length, 1);
    },
  },

  'says at once that deliveries may be lost, and when they are not any more (interrupted, resumed)': {
    needs: ['cut', 'mend'],
    run: async (world) => {
      const [node, publisher] = [await world.node(), await world.node()];
      await node.backplane.watch(['room']);
      await publish(publisher, 'room', ['a']);
      await world.until('it arrives', () => node.sink.textsOf('room').includes('a'));
      await world.control('cut')(node.backplane);
      await publish(publisher, 'room', ['lost']);
      await world.until('it is interrupted', () => node.sink.notices.includes('interrupted'));
      await world.control('mend')(node.backplane);
      await world.until('it is resumed', () => node.sink.notices.at(-1) === 'resumed');
      await publish(publisher, 'room', ['b']);
      await world.until('deliveries hold again', () => node.sink.textsOf('room').includes('b'));
      assert.deepEqual(await logOf(node, 'room'), ['a', 'lost', 'b']);
    },
  },

  'keeps the order of publishes and stores each once when the connection breaks (2, 5)': {
    needs: ['cut', 'mend'],
    run: async (world) => {
      const node = await world.node();
      const texts = countTo(100);
      const calls = texts.map((text) => node.backplane.publish('room', [bytes(text)], { history: keepsAll }));
      await world.control('cut')(node.backplane);
      const during = countTo(20, 'during ').map((text) =>
        node.backplane.publish('room', [bytes(text)], { history: keepsAll }),
      );
      const outcomes = await settled(world, [...calls, ...during]);
      await world.control('mend')(node.backplane);
      await world.until('it is resumed', () => node.sink.notices.at(-1) === 'resumed');
      const all = [...texts, ...countTo(20, 'during ')];
      const log = await logOf(node, 'room');
      assert.deepEqual(
        log,
        all.filter((text) => log.includes(text)),
        'each once and in order',
      );
      for (const [index, text] of all.entries()) {
        if (outcomes[index] === 'stored') assert.ok(log.includes(text), `${text} was said to be stored`);
        if (outcomes[index] === 'none') assert.ok(!log.includes(text), `${text} was said not to be stored`);
      }
    },
  },

  'may lose, repeat and swap deliveries, but alters none (publication)': {
    needs: ['deliveries'],
    run: async (world) => {
      const [node, publisher] = [await world.node(), await world.node()];
      await node.backplane.watch(['room']);
      const positions = [];
      for (const fault of ['lose', 'repeat', 'swap', 'none'] as const) {
        await world.control('deliveries')(node.backplane, fault);
        positions.push(...(await publish(publisher, 'room', countTo(10, `${fault} `))));
      }
      await world.until('the last one arrives', () => node.sink.textsOf('room').includes('none 10'));
      const log = await logOf(node, 'room');
      for (const { epoch, offset, item } of node.sink.publications) {
        assert.equal(epoch, positions[0]?.epoch);
        assert.equal(textOf(item), log[offset - 1]);
      }
    },
  },
};

/** Lets time pass until the deadline. @returns the outcome of each call; `stored`: it has resolved */
async function settled(world: World, calls: readonly Promise<unknown>[]): Promise<('stored' | 'none' | 'unknown')[]> {
  const deadlineMs = world.nodes[0]?.backplane.deadlineMs ?? 0;
  const outcomes: ('stored' | 'none' | 'unknown' | undefined)[] = calls.map(() => undefined);
  for (const [index, call] of calls.entries()) {
    call
      .then(
        () => (outcomes[index] = 'stored'),
        async () => {
          outcomes[index] = (await rejectionOf(call)).outcome;
        },
      )
      .catch(() => (outcomes[index] = undefined));
  }
  await world.rest();
  await world.harness.advance(deadlineMs + 1);
  await world.rest();
  const missing = outcomes.flatMap((outcome, index) => (outcome === undefined ? [index] : []));
  assert.deepEqual(missing, [], `these calls did not settle within ${deadlineMs} ms, or not by a BackplaneError`);
  return outcomes as ('stored' | 'none' | 'unknown')[];
}
