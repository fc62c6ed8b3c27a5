import { beforeEach, describe, expect, it } from 'vitest';
import type { RoomHub } from '../src/index.js';
import { bytes, numbers, publish, replacing, type TestNode, TestNodes, turn } from './support/nodes.js';
import { TestMember } from './support/test-member.js';

let nodes: TestNodes;
let node: TestNode;
let hub: RoomHub;
let member: TestMember;
let calls: number[];

/** Notes how many items each publish to the engine has. */
const noting = replacing(({ publish: original }) => ({
  publish: (room, items, options) => {
    calls.push(items.length);
    return original(room, items, options);
  },
}));

beforeEach(async () => {
  nodes = new TestNodes();
  calls = [];
  node = await nodes.add({ batchItems: 4, batchBytes: 100, pendingBytes: 1_000 }, noting);
  ({ hub } = node);
  member = new TestMember();
});

describe('a publish', () => {
  it('resolves with where it is stored', async () => {
    const one = await publish(hub, 'log', 'a');
    const other = await publish(hub, 'log', 'b');
    expect([one.first?.offset, other.first?.offset, other.repeat]).toEqual([1, 2, false]);
    expect(await publish(hub, 'ephemeral', 'c')).toMatchObject({ first: null });
  });

  it('has reached the members of this node when it resolves, and does so before', async () => {
    hub.join('log', member, null);
    await turn();
    await publish(hub, 'log', 'a');
    expect(member.texts).toEqual(['a']);
  });

  it('reaches members here though its delivery is lost', async () => {
    hub.join('log', member, null);
    await turn();
    node.way.faults.loseDelivery = 1;
    await publish(hub, 'log', 'a', 'b');
    expect(member.texts).toEqual(['a', 'b']);
  });

  it('goes together with what is published while one is under way, in the order of the calls', async () => {
    node.way.faults.delayMs = 10;
    const published = numbers(1, 11).map((text) => hub.publish('log', bytes(text)));
    await nodes.pass(500);
    const offsets = (await Promise.all(published)).map(({ first }) => first?.offset);
    expect(offsets).toEqual(numbers(1, 11).map(Number));
    expect(calls).toEqual([1, 4, 4, 2]);
  });

  it('goes in a call of its own when it would make one too large', async () => {
    node.way.faults.delayMs = 10;
    const sizes = [1, 60, 60, 300, 30, 30];
    const published = sizes.map((size) => hub.publish('log', new Uint8Array(size)));
    await nodes.pass(500);
    await Promise.all(published);
    expect(calls).toEqual([1, 1, 1, 1, 2]);
  });

  it('waits for no other room', async () => {
    node.way.pause();
    const waiting = hub.publish('log', bytes('a'));
    node.way.unpause();
    expect(await Promise.all([waiting, publish(hub, 'log other', 'b')])).toHaveLength(2);
  });

  it('on this node only is refused in a room with history', async () => {
    hub.join('log', member, null);
    await turn();
    expect(() => hub.publishHere('log', bytes('a'))).toThrow(
      expect.objectContaining({ code: 'REFUSED', outcome: 'none' }),
    );
    expect(() => hub.publishHere('log other', bytes('a'))).toThrow(expect.objectContaining({ code: 'REFUSED' }));
    expect(member.texts).toEqual([]);
  });

  it('with a key goes alone, and a repeat is answered as the first one and delivered to nobody', async () => {
    hub.join('log', member, null);
    await turn();
    node.way.faults.delayMs = 10;
    const once = { key: 'k', windowMs: 1_000 };
    const all = [
      hub.publish('log', bytes('a')),
      hub.publish('log', bytes('b')),
      hub.publish('log', bytes('c'), once),
      hub.publish('log', bytes('d'), once),
      hub.publish('log', bytes('e')),
    ];
    await nodes.pass(500);
    const answers = (await Promise.all(all)).map(({ first, repeat }) => [first?.offset, repeat]);
    expect(answers).toEqual([
      [1, false],
      [2, false],
      [3, false],
      [3, true],
      [4, false],
    ]);
    expect(calls).toEqual([1, 1, 1, 1, 1]);
    expect(member.texts).toEqual(['a', 'b', 'c', 'e']);
  });

  it('with a key is delivered once in an ephemeral room, too', async () => {
    const { hub: other } = await nodes.add();
    hub.join('ephemeral', member, null);
    await turn();
    const once = { key: 'k', windowMs: 1_000 };
    expect(await hub.publish('ephemeral', bytes('a'), once)).toMatchObject({ repeat: false });
    expect(await hub.publish('ephemeral', bytes('b'), once)).toMatchObject({ repeat: true });
    expect(await other.publish('ephemeral', bytes('c'), once)).toMatchObject({ repeat: true });
    expect(member.texts).toEqual(['a']);
  });

  it('rejects for all that went together, and the next ones go on', async () => {
    node.way.faults.loseReply = 1;
    const lost = numbers(1, 3).map((text) => hub.publish('log', bytes(text)));
    const outcomes = Promise.allSettled(lost);
    await nodes.pass(3_000);
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'TIMEOUT', outcome: 'unknown' } });
    }
    node.way.faults.loseReply = 0;
    expect((await publish(hub, 'log', 'later')).first?.offset).toBe(4);
  });

  it('is refused when too many bytes wait for the engine, until they do no longer', async () => {
    node.way.pause();
    const waiting = hub.publish('log', new Uint8Array(900));
    expect(hub.pendingBytes).toBe(900);
    await expect(hub.publish('log other', new Uint8Array(101))).rejects.toMatchObject({
      code: 'FULL',
      outcome: 'none',
    });
    node.way.unpause();
    await waiting;
    expect(hub.pendingBytes).toBe(0);
    await hub.publish('log other', new Uint8Array(101));
  });

  it('wraps what an engine rejects with, so that its caller knows the outcome', async () => {
    const odd = replacing(() => ({ publish: () => Promise.reject(new Error('socket closed')) }));
    const { hub: other } = await nodes.add({}, odd);
    await expect(other.publish('log', bytes('a'))).rejects.toMatchObject({
      ...{ name: 'BackplaneError', code: 'NONSENSE', outcome: 'unknown', stage: 'publish' },
      cause: new Error('socket closed'),
    });
  });
});
