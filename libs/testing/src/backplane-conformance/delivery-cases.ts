import assert from 'node:assert/strict';
import { type History, type Publication, RoomHub } from '@holdfast/backplane';
import { textOf } from './recorder.js';
import { bytes, type Cases, countTo, keepsAll, publish, read, topOf } from './world.js';

const ephemeral: History = { size: 0, ttlMs: 0 };

/** Deliveries between nodes, without faults. */
export const deliveryCases: Cases = {
  'delivers what is stored, unchanged and with its position, to the nodes that watch (1, 6, 7)': async (world) => {
    const [one, other, third] = [await world.node(), await world.node(), await world.node()];
    await one.backplane.watch(['room']);
    await other.backplane.watch(['room', 'other room']);
    const [position] = await publish(third, 'room', ['a']);
    await publish(third, 'third room', ['b']);
    for (const { sink } of [one, other]) {
      await world.until('the publication arrives', () => sink.publications.length > 0);
      const [{ room, epoch, offset, at, item }] = sink.publications as [Publication];
      assert.deepEqual([room, { epoch, offset }, textOf(item)], ['room', position, 'a']);
      assert.ok(at > 0);
    }
    await world.rest();
    assert.deepEqual(third.sink.publications, []);
    assert.deepEqual(
      [...new Set([...one.sink.publications, ...other.sink.publications].map(({ room }) => room))],
      ['room'],
    );
  },

  'delivers to the publisher, too, unless the room has no history (6, 9)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    for (const { backplane } of [one, other]) await backplane.watch(['log', 'ephemeral']);
    await publish(one, 'log', ['a']);
    const { first, repeat } = await one.backplane.publish('ephemeral', [bytes('b')], { history: ephemeral });
    assert.deepEqual([first, repeat], [null, false]);
    await world.until('the other node gets both', () => other.sink.textsOf('ephemeral').length > 0);
    await world.until('the publisher gets its own', () => one.sink.textsOf('log').length > 0);
    await world.rest();
    assert.deepEqual(one.sink.textsOf('ephemeral'), []);
    assert.deepEqual(other.sink.textsOf('ephemeral'), ['b']);
    const [{ epoch, offset }] = other.sink.publications.filter(({ room }) => room === 'ephemeral') as [Publication];
    assert.deepEqual({ epoch, offset }, { epoch: '', offset: 0 });
  },

  'leaves no hole between a read and the deliveries that follow a watch (watch)': async (world) => {
    const [publisher, watcher] = [await world.node(), await world.node()];
    const { sink, backplane } = watcher;
    for (let round = 0; round < 100; round++) {
      sink.publications.length = 0;
      const load: Promise<unknown>[] = [];
      const publishMore = (): unknown => load.push(publish(publisher, 'room', countTo(3)));
      publishMore();
      const watching = backplane.watch(['room']);
      publishMore();
      await watching;
      publishMore();
      const reading = read(watcher, 'room', null);
      publishMore();
      const { top } = await reading;
      await Promise.all(load);
      const [last] = await publish(watcher, 'room', [`mark ${round}`]);
      await world.until('the last one arrives', () => sink.textsOf('room').includes(`mark ${round}`));
      const delivered = new Set(sink.publications.map(({ offset }) => offset));
      for (let offset = top.offset + 1; offset <= (last?.offset ?? 0); offset++) {
        assert.ok(delivered.has(offset), `${offset} is neither in the read up to ${top.offset} nor delivered`);
      }
      backplane.unwatch(['room']);
    }
  },

  'counts watches, and goes on for one that watches again at once (watch)': async (world) => {
    const [one, publisher] = [await world.node(), await world.node()];
    await Promise.all([one.backplane.watch(['room']), one.backplane.watch(['room'])]);
    one.backplane.unwatch(['room']);
    await publish(publisher, 'room', ['a']);
    await world.until('it is watched once more', () => one.sink.textsOf('room').includes('a'));
    one.backplane.unwatch(['room']);
    await one.backplane.watch(['room']);
    await publish(publisher, 'room', ['b']);
    await world.until('it is watched again', () => one.sink.textsOf('room').includes('b'));
    one.backplane.unwatch(['room']);
    await world.rest();
    await publish(publisher, 'room', ['c']);
    await world.rest();
    assert.deepEqual(one.sink.textsOf('room'), ['a', 'b']);
  },

  'watches ten thousand rooms (watch)': async (world) => {
    const [one, publisher] = [await world.node(), await world.node()];
    const rooms = countTo(10_000, 'room ');
    for (let start = 0; start < rooms.length; start += 512) await one.backplane.watch(rooms.slice(start, start + 512));
    for (const room of ['room 1', 'room 5000', 'room 10000']) await publish(publisher, room, [room]);
    await world.until('all of them arrive', () => one.sink.publications.length >= 3);
    one.backplane.unwatch(rooms);
  },

  'keeps any name and any byte as it is (7)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    const names = [
      ...[
        '',
        ' ',
        'a b',
        '{a}',
        '{}b',
        'a:b',
        'a.b',
        '*',
        '>',
        'a*',
        '[a]',
        'a\\b',
        '$SYS',
        'a\0b',
        '\r\n',
        '"',
        '__proto__',
      ],
      ...['constructor', 'ä', '🦀', 'A', 'x'.repeat(256)],
    ];
    const item = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await other.backplane.watch(names);
    for (const [index, name] of names.entries()) {
      await one.backplane.publish(name, [item, Uint8Array.of(index)], { history: keepsAll });
    }
    await world.until('all arrive', () => other.sink.publications.length >= names.length * 2);
    for (const [index, name] of names.entries()) {
      const delivered = other.sink.publications.filter(({ room }) => room === name);
      assert.equal(delivered.length, 2, JSON.stringify(name));
      assertBytes(delivered[0]?.item, item);
      assertBytes(delivered[1]?.item, Uint8Array.of(index));
      assert.equal((await topOf(one, name)).offset, 2, `${JSON.stringify(name)} is a room of its own`);
    }
  },

  'keeps an empty item and one of a mebibyte (7)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    await other.backplane.watch(['room']);
    const large = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => index % 251);
    await one.backplane.publish('room', [new Uint8Array(), large], { history: keepsAll });
    await world.until('both arrive', () => other.sink.publications.length >= 2);
    const [empty, second] = other.sink.publications;
    assertBytes(empty?.item, new Uint8Array());
    assertBytes(second?.item, large);
    const { epoch } = await topOf(one, 'room');
    const result = await read(one, 'room', { epoch, offset: 1 });
    assert.ok(result.whole);
    assertBytes(result.items[0]?.item, large);
  },

  'sends commands to one node, to all, and truthfully to none (send)': async (world) => {
    const [one, other] = [await world.node(), await world.node()];
    const reached = await one.backplane.send(other.name, bytes('to one'));
    assert.ok(reached === 1 || reached === undefined);
    const all = await one.backplane.send(null, bytes('to all'));
    assert.ok(all === 2 || all === undefined);
    await world.until('they arrive', () => other.sink.commands.length === 2 && one.sink.commands.length === 1);
    assert.deepEqual(
      other.sink.commands.map(({ command, from }) => [textOf(command), from]),
      [
        ['to one', one.name],
        ['to all', one.name],
      ],
    );
    const nobody = await one.backplane.send('no such node', bytes('lost'));
    assert.ok(nobody === 0 || nobody === undefined);
  },

  'lets a hub give its members everything in order': async (world) => {
    const [backplane, publisher] = [await world.harness.createNode(), await world.node()];
    const hub = new RoomHub({
      backplane,
      policyOf: () => ({ history: keepsAll, slow: 'catch-up', maxRecovered: Infinity }),
    });
    await hub.start('hub');
    const texts: string[] = [];
    const member = {
      joined: () => undefined,
      push: (_: unknown, { item }: Publication) => texts.push(textOf(item)) > 0,
      skipped: () => undefined,
      degraded: () => undefined,
      restored: () => undefined,
    };
    await publish(publisher, 'room', countTo(250));
    hub.join('room', member, { epoch: (await topOf(publisher, 'room')).epoch, offset: 0 });
    await publish(publisher, 'room', countTo(50, 'later '));
    await world.until('it has everything', () => texts.length >= 300);
    await hub.close();
    assert.deepEqual(texts, [...countTo(250), ...countTo(50, 'later ')]);
  },
};

/** Not by `deepEqual`: the difference between large arrays, which it would show, takes gigabytes to compute. */
function assertBytes(actual: Uint8Array | undefined, expected: Uint8Array): void {
  assert.ok(actual);
  assert.equal(actual.byteLength, expected.byteLength);
  const wrong = expected.findIndex((byte, index) => actual[index] !== byte);
  assert.equal(wrong, -1, `byte ${wrong} is ${actual[wrong]}, not ${expected[wrong]}`);
}
