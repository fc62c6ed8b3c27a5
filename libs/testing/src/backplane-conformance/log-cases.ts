import assert from 'node:assert/strict';
import type { History } from '@holdfast/backplane';
import { textOf } from './recorder.js';
import {
  assertRejected,
  bytes,
  type Cases,
  countTo,
  keepsAll,
  logOf,
  page,
  publish,
  read,
  readAll,
  topOf,
} from './world.js';

/** Longer than a few calls take, and short enough for an engine that uses real time. */
const ttlMs = 300;

/** Logs, without faults. */
export const logCases: Cases = {
  'numbers publications from 1, and those of one call in a row (1)': async (world) => {
    const node = await world.node();
    const [first, second] = await publish(node, 'room', ['a', 'b']);
    assert.ok(
      first && second && first.epoch.length >= 1 && first.epoch.length <= 64,
      'an epoch has 1 to 64 characters',
    );
    assert.deepEqual([first.offset, second], [1, { epoch: first.epoch, offset: 2 }]);
    const batch = await node.backplane.publish('room', ['c', 'd', 'e'].map(bytes), { history: keepsAll });
    assert.deepEqual(batch.first, { epoch: first.epoch, offset: 3 });
    assert.equal(batch.repeat, false);
    assert.ok(batch.at > 0);
    assert.deepEqual(await topOf(node, 'room'), { epoch: first.epoch, offset: 5 });
    assert.deepEqual(await logOf(node, 'room'), ['a', 'b', 'c', 'd', 'e']);
  },

  'gives no offset twice and leaves none out when nodes publish at once (1)': async (world) => {
    const nodes = [await world.node(), await world.node()];
    const calls = nodes.flatMap(({ backplane }, index) =>
      countTo(50, `${index} `).map((text) => backplane.publish('room', [bytes(text)], { history: keepsAll })),
    );
    const offsets = (await Promise.all(calls)).map(({ first }) => first?.offset ?? 0);
    assert.deepEqual(
      offsets.sort((a, b) => a - b),
      countTo(100).map(Number),
    );
  },

  'keeps the order of calls that are not waited for (2)': async (world) => {
    const { backplane, ...node } = await world.node();
    const texts = countTo(200);
    await Promise.all(texts.map((text) => backplane.publish('room', [bytes(text)], { history: keepsAll })));
    assert.deepEqual(await logOf({ backplane, ...node }, 'room'), texts);
  },

  'answers a repeated key as the first time, from any node, within its window (once)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    const options = { history: keepsAll, once: { key: 'k', windowMs: ttlMs } };
    const together = ['a', 'b'].map((text) => one.backplane.publish('room', [bytes(text)], options));
    const [first, repeat] = await Promise.all(together);
    assert.equal(first?.repeat, false);
    assert.deepEqual(repeat, { ...first, repeat: true });
    assert.deepEqual(await other.backplane.publish('room', [bytes('c')], options), repeat);
    assert.equal((await other.backplane.publish('other room', [bytes('d')], options)).repeat, false);
    assert.deepEqual(await logOf(one, 'room'), ['a']);
    await world.harness.advance(ttlMs + 50);
    assert.equal((await other.backplane.publish('room', [bytes('e')], options)).repeat, false);
    assert.deepEqual(await logOf(one, 'room'), ['a', 'e']);
  },

  'refuses a key for several items, and no items, as a whole (once)': async (world) => {
    const node = await world.node();
    const once = { key: 'k', windowMs: ttlMs };
    const several = node.backplane.publish('room', [bytes('a'), bytes('b')], { history: keepsAll, once });
    const none = node.backplane.publish('room', [], { history: keepsAll });
    await assertRejected([several, none], 'REFUSED');
    assert.deepEqual(await logOf(node, 'room'), []);
  },

  'gives the top, everything, or what fits a page (read)': async (world) => {
    const node = await world.node();
    await publish(node, 'room', countTo(10));
    const { epoch } = await topOf(node, 'room');
    const nothing = await read(node, 'room', null);
    assert.deepEqual(nothing, { whole: true, top: { epoch, offset: 10 }, from: 10, undone: 0, items: [], more: false });
    const some = await node.backplane.read('room', { epoch, offset: 3 }, { ...page, items: 4 }, keepsAll);
    assert.ok(some.whole);
    assert.deepEqual([some.from, some.undone, some.more], [3, 0, true]);
    assert.deepEqual(
      some.items.map(({ offset, item, room }) => [offset, textOf(item), room]),
      ['4', '5', '6', '7'].map((text) => [Number(text), text, 'room']),
    );
    const rest = await node.backplane.read('room', { epoch, offset: 7 }, { ...page, items: 3 }, keepsAll);
    assert.ok(rest.whole && !rest.more && rest.items.length === 3);
    const small = await node.backplane.read('room', { epoch, offset: 0 }, { items: 10, bytes: 1 }, keepsAll);
    assert.ok(small.whole && small.more);
    assert.equal(small.items.length, 1, 'one item comes however large it is');
  },

  'is whole at the top and one behind it, and says why it is not whole (read)': async (world) => {
    const node = await world.node();
    const history: History = { size: 3, ttlMs: 3_600_000 };
    await publish(node, 'room', countTo(5), history);
    const top = await topOf(node, 'room');
    const { epoch } = top;
    const verdicts: Record<number, string> = {};
    for (const offset of [5, 4, 2, 6]) {
      const result = await read(node, 'room', { epoch, offset }, history);
      verdicts[offset] = result.whole ? result.items.map(({ item }) => textOf(item)).join() : result.reason;
      assert.deepEqual(result.top, top);
    }
    assert.deepEqual(verdicts, { 5: '', 4: '5', 2: '3,4,5', 6: 'future' });
    const foreign = await read(node, 'room', { epoch: 'never seen', offset: 5 }, history);
    assert.deepEqual(foreign, { whole: false, top, reason: 'epoch' });
  },

  'says `trimmed` when something is gone, and never leaves a hole instead (read)': async (world) => {
    const node = await world.node();
    const history: History = { size: 2, ttlMs: 3_600_000 };
    // Engines may keep more than they must, so this publishes far more than that.
    await publish(node, 'room', countTo(2_000), history);
    const { epoch } = await topOf(node, 'room');
    for (const offset of [0, 1_000, 1_990, 1_996, 1_997, 1_998, 1_999]) {
      const items = await readAll(node, 'room', { epoch, offset }, history);
      if (typeof items === 'object') assert.equal(items.length, 2_000 - offset);
      else assert.equal(items, 'trimmed');
      if (offset >= 1_998) assert.ok(typeof items === 'object', `the last two are kept, ${offset} needs no others`);
      if (offset === 0) assert.equal(items, 'trimmed');
    }
  },

  'keeps items for their time at least, and a quiet room is whole at its top for longer (history, read)': async (
    world,
  ) => {
    const node = await world.node();
    const history: History = { size: 100, ttlMs };
    await publish(node, 'room', ['a', 'b'], history);
    const { epoch } = await topOf(node, 'room');
    await world.harness.advance(ttlMs / 3);
    assert.ok((await read(node, 'room', { epoch, offset: 0 }, history)).whole);
    await world.harness.advance(ttlMs * 2);
    const top = { epoch, offset: 2 };
    const atTop = await read(node, 'room', top, history);
    assert.deepEqual(atTop, { whole: true, top, from: 2, undone: 0, items: [], more: false });
    const behind = await read(node, 'room', { epoch, offset: 1 }, history);
    if (!behind.whole) assert.equal(behind.reason, 'trimmed');
    assert.equal((await publish(node, 'room', ['c'], history))[0]?.offset, 3);
  },

  'gives a room that was never seen a position, and keeps to it (read)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    const top = await topOf(one, 'new');
    assert.equal(top.offset, 0);
    assert.notEqual(top.epoch, '');
    assert.deepEqual(await topOf(other, 'new'), top);
    assert.deepEqual(await publish(other, 'new', ['a']), [{ epoch: top.epoch, offset: 1 }]);
    const result = await read(one, 'new', top);
    assert.ok(result.whole);
    assert.equal(result.items.length, 1);
  },

  'gives the newest item of a `latest` room, however far behind one is (read)': async (world) => {
    const node = await world.node();
    const history: History = { size: 1, ttlMs: 3_600_000 };
    await publish(node, 'room', countTo(30), history);
    const top = await topOf(node, 'room');
    assert.equal(top.offset, 30);
    for (const offset of [0, 12, 29]) {
      const result = await read(node, 'room', { epoch: top.epoch, offset }, history);
      assert.ok(result.whole);
      assert.equal(textOf(result.items.at(-1)?.item ?? bytes('nothing')), '30');
      assert.equal(result.items.at(-1)?.offset, 30);
    }
    const result = await read(node, 'room', top, history);
    assert.ok(result.whole && result.items.length === 0);
  },

  'tells the tops of many rooms, and of none that it does not know (tops)': async (world) => {
    const node = await world.node();
    const rooms = countTo(1_000, 'room ');
    await Promise.all(rooms.slice(0, 900).map((room) => publish(node, room, ['a'])));
    const tops = await node.backplane.tops(rooms);
    assert.equal(tops.length, 1_000);
    assert.ok(tops.slice(0, 900).every((top) => top?.offset === 1));
    assert.ok(tops.slice(900).every((top) => top === null));
    assert.deepEqual(tops[17], await topOf(node, 'room 18'));
  },

  'keeps a room that is asked for its top, for as long as that goes on (tops)': async (world) => {
    const node = await world.node();
    const history: History = { size: 10, ttlMs };
    const [position] = await publish(node, 'room', ['a'], history);
    for (let times = 0; times < 5; times++) {
      await world.harness.advance(world.harness.roomIdleMs / 2);
      assert.deepEqual(await node.backplane.tops(['room']), [position]);
    }
  },
};
