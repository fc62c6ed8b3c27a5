import { beforeEach, describe, expect, it } from 'vitest';
import type { Position, RoomHub } from '../src/index.js';
import { numbers, positionOf, publish, TestNodes, turn } from './support/nodes.js';
import { TestMember } from './support/test-member.js';

let nodes: TestNodes;
let hub: RoomHub;
let member: TestMember;

beforeEach(async () => {
  nodes = new TestNodes();
  ({ hub } = await nodes.add({ ringItems: 5, pageItems: 4 }));
  member = new TestMember();
});

/** Joins once the room has a feed, so that the answer comes at once. */
async function join(room: string, since: Position | null = null): Promise<string[]> {
  await hub.open(room);
  hub.join(room, member, since);
  await turn();
  return member.lines;
}

describe('a member that joins', () => {
  it('has a position before anything was published, and gets what comes next', async () => {
    hub.join('log', member, null);
    await turn();
    expect(member.lines).toEqual(['joined at 0 of 0, undone 0']);
    expect(member.positions[0]?.epoch).not.toBe('');
    await publish(hub, 'log', 'a', 'b');
    expect(member.lines.slice(1)).toEqual(['+a', '+b']);
  });

  it('begins at the top when it presents nothing', async () => {
    await publish(hub, 'log', 'a', 'b');
    expect(await join('log')).toEqual(['joined at 2 of 2, undone 0']);
  });

  it('gets what it missed from the ring, without a read', async () => {
    hub.join('log', new TestMember(), null);
    const since = positionOf(await publish(hub, 'log', ...numbers(1, 6)));
    await publish(hub, 'log', ...numbers(7, 9));
    expect(await join('log', since)).toEqual(['joined at 6 of 9, undone 0', '+7', '+8', '+9']);
    expect(hub.counts.pages).toBe(0);
  });

  it('gets what it missed page by page from the log, and then the ring', async () => {
    hub.join('log', new TestMember(), null);
    const since = positionOf(await publish(hub, 'log', '1'));
    await publish(hub, 'log', ...numbers(2, 20));
    expect(await join('log', since)).toEqual([
      'joined at 1 of 20, undone 0',
      ...numbers(2, 20).map((text) => `+${text}`),
    ]);
    expect(hub.counts.pages).toBe(4);
    await publish(hub, 'log', '21');
    expect(member.texts.at(-1)).toBe('21');
  });

  it('is told at once when it missed nothing, however long it was away', async () => {
    const since = positionOf(await publish(hub, 'log', 'a'));
    await nodes.pass(600_000);
    expect(await join('log', since)).toEqual(['joined at 1 of 1, undone 0']);
  });

  it('is told that it missed more than it is given, and goes on from the top', async () => {
    const { epoch } = positionOf(await publish(hub, 'few', ...numbers(1, 6)));
    expect(await join('few', { epoch, offset: 0 })).toEqual(['too-many, at 6 of 6']);
    member = new TestMember();
    expect(await join('few', { epoch, offset: 1 })).toHaveLength(6);
    await publish(hub, 'few', ...numbers(7, 30));
    member = new TestMember();
    expect(await join('few', { epoch, offset: 1 })).toEqual(['too-many, at 30 of 30']);
  });

  it('is told when what it missed is no longer kept', async () => {
    const { epoch } = positionOf(await publish(hub, 'short', ...numbers(1, 15)));
    expect(await join('short', { epoch, offset: 4 })).toEqual(['trimmed, at 15 of 15']);
    member = new TestMember();
    expect(await join('short', { epoch, offset: 5 })).toHaveLength(11);
  });

  it('is told when its log is not known, or was never that long', async () => {
    const { epoch } = positionOf(await publish(hub, 'log', 'a'));
    expect(await join('log', { epoch: 'unknown', offset: 1 })).toEqual(['epoch, at 1 of 1']);
    member = new TestMember();
    expect(await join('log', { epoch, offset: 2 })).toEqual(['future, at 1 of 1']);
    member = new TestMember();
    expect(await join('log', { epoch, offset: Number.MAX_SAFE_INTEGER })).toEqual(['future, at 1 of 1']);
    await publish(hub, 'log', 'b');
    expect(member.texts).toEqual(['b']);
  });

  it.each([
    { epoch: '', offset: 1 },
    { epoch: 'e', offset: -1 },
    { epoch: 'e', offset: 0.5 },
    { epoch: 'e', offset: 2 ** 53 },
    { epoch: 'e', offset: Number.NaN },
  ])('is refused with a position that no engine gives: $epoch/$offset', (since) => {
    expect(() => hub.join('log', member, since)).toThrow(RangeError);
  });

  it('may be ahead of this node, whose deliveries were lost', async () => {
    const { hub: other } = await nodes.add();
    const { hub: deaf, way } = await nodes.add();
    deaf.join('log', new TestMember(), null);
    await turn();
    way.faults.loseDelivery = 1;
    const since = positionOf(await publish(other, 'log', 'a', 'b'));
    deaf.join('log', member, since);
    await turn();
    expect(member.lines).toEqual(['joined at 2 of 2, undone 0']);
    way.faults.loseDelivery = 0;
    await publish(other, 'log', 'c');
    expect(member.texts).toEqual(['c']);
  });
});

describe('a member of a latest-only room', () => {
  it('begins with the newest item', async () => {
    await publish(hub, 'latest', 'a', 'b', 'c');
    expect(await join('latest')).toEqual(['joined at 2 of 3, undone 0', '+c']);
    await publish(hub, 'latest', 'd');
    expect(member.texts).toEqual(['c', 'd']);
  });

  it('begins with nothing where there is nothing', async () => {
    expect(await join('latest')).toEqual(['joined at 0 of 0, undone 0']);
  });

  it('gets the newest item however far it is behind, and nothing when it has it', async () => {
    const { epoch } = positionOf(await publish(hub, 'latest', ...numbers(1, 50)));
    expect(await join('latest', { epoch, offset: 3 })).toEqual(['joined at 3 of 50, undone 0', '+50']);
    member = new TestMember();
    expect(await join('latest', { epoch, offset: 50 })).toEqual(['joined at 50 of 50, undone 0']);
  });

  it('begins with what comes next when the newest item has expired', async () => {
    await publish(hub, 'latest', 'a');
    await nodes.pass(4_000);
    nodes.clock.advance(3_600_000);
    await turn();
    expect(await join('latest')).toEqual(['joined at 1 of 1, undone 0']);
  });

  it('gets the newest item again when a later one is undone', async () => {
    expect(await join('latest')).toHaveLength(1);
    await publish(hub, 'latest', 'a', 'b');
    nodes.engine.fork('latest', 1);
    // The memory engine keeps one item, and has lost it: nothing can be given.
    await publish(hub, 'latest', 'c');
    await turn();
    expect(member.lines.slice(1)).toEqual(['+a', '+b', 'joined at 1 of 2, undone 1', '+c']);
  });
});

describe('a member of an ephemeral room', () => {
  it('has no position, and gets what comes next', async () => {
    await publish(hub, 'ephemeral', 'before');
    expect(await join('ephemeral')).toEqual(['joined at nowhere, undone 0']);
    await publish(hub, 'ephemeral', 'a');
    hub.publishHere('ephemeral', new TextEncoder().encode('b'));
    expect(member.texts).toEqual(['a', 'b']);
  });

  it('gets what other nodes publish, once', async () => {
    await join('ephemeral');
    const { hub: other } = await nodes.add();
    await publish(other, 'ephemeral', 'a', 'b');
    await publish(hub, 'ephemeral', 'c');
    expect(member.texts).toEqual(['a', 'b', 'c']);
  });
});

describe('a room', () => {
  it('tells its position before anybody has joined, and what comes after it is missed by nobody', async () => {
    const position = await hub.open('log');
    await publish(hub, 'log', 'a');
    hub.join('log', member, position);
    expect(member.lines).toEqual(['joined at 0 of 1, undone 0', '+a']);
    expect(await hub.open('ephemeral')).toBeNull();
  });

  it('knows its members on this node', async () => {
    const one = hub.join('log', member, null);
    const other = hub.join('log', new TestMember(), null);
    expect(hub.count('log')).toBe(2);
    expect([...hub.members('log')]).toEqual([one, other]);
    one.leave();
    one.leave();
    expect([...hub.members('log')]).toEqual([other]);
    expect([hub.count('nobody'), [...hub.members('nobody')]]).toEqual([0, []]);
  });

  it('tells each subscription where it stands', async () => {
    const subscription = hub.join('log', member, null);
    expect([subscription.room, subscription.isLive, subscription.position]).toEqual(['log', false, null]);
    await turn();
    const position = positionOf(await publish(hub, 'log', 'a'));
    expect([subscription.isLive, subscription.position]).toEqual([true, position]);
    member.takes = 0;
    await publish(hub, 'log', 'b');
    expect([subscription.isLive, subscription.position]).toEqual([false, position]);
    subscription.leave();
    expect(subscription.isLive).toBe(false);
    expect(subscription.policy.history.size).toBe(1_000);
  });

  it('gives pages of its history', async () => {
    const { epoch } = positionOf(await publish(hub, 'log', ...numbers(1, 10)));
    const result = await hub.read('log', { epoch, offset: 2 }, { items: 3, bytes: 1_000 });
    expect(result).toMatchObject({
      whole: true,
      from: 2,
      more: true,
      items: [{ offset: 3 }, { offset: 4 }, { offset: 5 }],
    });
    expect(await hub.read('log', null)).toMatchObject({ top: { epoch, offset: 10 } });
  });
});
