import { beforeEach, describe, expect, it } from 'vitest';
import type { RoomHub } from '../src/index.js';
import { numbers, publish, TestNodes, turn } from './support/nodes.js';
import { TestMember } from './support/test-member.js';

let nodes: TestNodes;
let hub: RoomHub;
let member: TestMember;

beforeEach(async () => {
  nodes = new TestNodes();
  ({ hub } = await nodes.add({ ringItems: 5, pageItems: 4 }));
  member = new TestMember();
});

async function joined(room: string): Promise<ReturnType<RoomHub['join']>> {
  await hub.open(room);
  const subscription = hub.join(room, member, null);
  member.lines.length = 0;
  return subscription;
}

describe('a member that does not read fast enough', () => {
  it('is not pushed to, and gets everything in order when it reads on', async () => {
    const subscription = await joined('log');
    member.takes = 2;
    await publish(hub, 'log', ...numbers(1, 5));
    expect(member.texts).toEqual(numbers(1, 2));
    expect(hub.counts.congestions).toBe(1);
    member.takes = 2;
    subscription.resume();
    expect(member.texts).toEqual(numbers(1, 4));
    member.takes = Infinity;
    subscription.resume();
    expect(member.texts).toEqual(numbers(1, 5));
    expect(hub.counts.pages).toBe(0);
    await publish(hub, 'log', '6');
    expect(member.texts).toEqual(numbers(1, 6));
  });

  it('reads from the log what the ring no longer has, as far as it takes it', async () => {
    const subscription = await joined('log');
    member.takes = 0;
    await publish(hub, 'log', ...numbers(1, 30));
    for (let taken = 0; taken < 30; taken += 3) {
      member.takes = 3;
      subscription.resume();
      await turn();
      expect(member.texts).toEqual(numbers(1, taken + 3));
    }
    member.takes = Infinity;
    subscription.resume();
    await publish(hub, 'log', '31');
    expect(member.lines).toEqual(numbers(1, 31).map((text) => `+${text}`));
    expect(subscription.isLive).toBe(true);
  });

  it('is told when the log was trimmed while it did not read, and goes on from the top', async () => {
    const subscription = await joined('short');
    member.takes = 1;
    await publish(hub, 'short', ...numbers(1, 30));
    member.takes = Infinity;
    subscription.resume();
    await turn();
    await publish(hub, 'short', '31');
    expect(member.lines).toEqual(['+1', 'trimmed, at 30 of 30', '+31']);
  });

  it('gets what the node still has in a room that skips, and is told what is left out', async () => {
    const subscription = await joined('skip');
    member.takes = 1;
    await publish(hub, 'skip', ...numbers(1, 20));
    member.takes = Infinity;
    subscription.resume();
    expect(member.lines).toEqual(['+1', 'skipped 14 to 15', ...numbers(16, 20).map((text) => `+${text}`)]);
    expect(hub.counts.skipped).toBe(14);
    await publish(hub, 'skip', '21');
    expect(member.texts.at(-1)).toBe('21');
  });

  it('skips to the top when the node has nothing any more', async () => {
    const subscription = await joined('skip');
    member.takes = 0;
    await publish(hub, 'skip', 'a', 'b');
    await nodes.pass(6_000);
    member.takes = Infinity;
    subscription.resume();
    expect(member.lines).toEqual(['skipped 2 to 2']);
    expect(subscription.isLive).toBe(true);
  });

  it('skips nothing when it comes back to such a room', async () => {
    hub.join('skip', new TestMember(), null);
    const { first } = await publish(hub, 'skip', ...numbers(1, 20));
    hub.join('skip', member, { epoch: first?.epoch ?? '', offset: 2 });
    await turn();
    expect(member.texts).toEqual(numbers(3, 20));
  });

  it('gets the newest item alone in a latest-only room', async () => {
    const subscription = await joined('latest');
    member.takes = 1;
    await publish(hub, 'latest', ...numbers(1, 9));
    member.takes = Infinity;
    subscription.resume();
    expect(member.lines).toEqual(['+1', '+9']);
    member.takes = 0;
    await publish(hub, 'latest', '10');
    await nodes.pass(6_000);
    member.takes = Infinity;
    subscription.resume();
    await turn();
    expect(member.lines).toEqual(['+1', '+9', '+10']);
  });

  it('loses what it does not take in an ephemeral room', async () => {
    const subscription = await joined('ephemeral');
    member.takes = 1;
    await publish(hub, 'ephemeral', 'a', 'b');
    member.takes = Infinity;
    subscription.resume();
    await publish(hub, 'ephemeral', 'c');
    expect(member.lines).toEqual(['+a', '+c']);
    expect(hub.counts.congestions).toBe(1);
  });

  it('costs nobody else anything', async () => {
    await joined('log');
    const other = new TestMember();
    hub.join('log', other, null);
    member.takes = 0;
    await publish(hub, 'log', ...numbers(1, 20));
    expect(other.texts).toEqual(numbers(1, 20));
    expect(member.texts).toEqual([]);
  });

  it('hears of a fork that came while it did not read, with what it has seen of it', async () => {
    const subscription = await joined('log');
    member.takes = 3;
    await publish(hub, 'log', ...numbers(1, 5));
    nodes.engine.fork('log', 3);
    await publish(hub, 'log', '3b');
    await turn();
    member.takes = Infinity;
    subscription.resume();
    await turn();
    expect(member.lines).toEqual(['+1', '+2', '+3', 'joined at 2 of 3, undone 1', '+3b']);
  });

  it('may leave without reading on', async () => {
    const subscription = await joined('log');
    member.takes = 0;
    await publish(hub, 'log', 'a');
    subscription.leave();
    member.takes = Infinity;
    subscription.resume();
    await publish(hub, 'log', 'b');
    expect(member.lines).toEqual([]);
  });
});

describe('many members that come back together', () => {
  it('cost as many reads as one', async () => {
    const { first } = await publish(hub, 'log', ...numbers(1, 40));
    const epoch = first?.epoch ?? '';
    const members = Array.from({ length: 1_000 }, () => new TestMember());
    for (const [index, each] of members.entries()) hub.join('log', each, { epoch, offset: index % 2 });
    await turn();
    await turn();
    for (const [index, each] of members.entries()) expect(each.texts).toEqual(numbers(1 + (index % 2), 40));
    expect(hub.counts.pages).toBeLessThanOrEqual(12);
  });

  it('are all served though some have missed more than others', async () => {
    const { first } = await publish(hub, 'log', ...numbers(1, 100));
    const epoch = first?.epoch ?? '';
    const offsets = [90, 3, 50, 99, 100, 0, 51, 88];
    const members = offsets.map((offset) => {
      const each = new TestMember();
      hub.join('log', each, { epoch, offset });
      return each;
    });
    await turn();
    await turn();
    for (const [index, each] of members.entries()) {
      expect(each.lines).toEqual([
        `joined at ${offsets[index]} of 100, undone 0`,
        ...numbers(offsets[index]! + 1, 100).map((text) => `+${text}`),
      ]);
    }
  });

  it('share the verdict on their log', async () => {
    await publish(hub, 'log', 'a');
    const members = Array.from({ length: 50 }, () => new TestMember());
    for (const [index, each] of members.entries()) hub.join('log', each, { epoch: 'lost', offset: index });
    await turn();
    for (const each of members) expect(each.lines).toEqual(['epoch, at 1 of 1']);
    expect(hub.counts.pages).toBe(1);
  });
});
