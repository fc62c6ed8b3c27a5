import { beforeEach, describe, expect, it } from 'vitest';
import { BackplaneError, type BackplaneSink, MemoryBackplane, RoomHub } from '../src/index.js';
import { bytes, numbers, policyOf, publish, replacing, type TestNode, TestNodes, turn } from './support/nodes.js';
import { TestMember } from './support/test-member.js';

let nodes: TestNodes;
let node: TestNode;
let hub: RoomHub;
let other: RoomHub;
let member: TestMember;

beforeEach(async () => {
  nodes = new TestNodes();
  node = await nodes.add();
  ({ hub } = node);
  other = (await nodes.add()).hub;
  member = new TestMember();
});

async function joined(room: string): Promise<ReturnType<RoomHub['join']>> {
  await hub.open(room);
  const subscription = hub.join(room, member, null);
  member.lines.length = 0;
  return subscription;
}

describe('a delivery', () => {
  it('is pushed once, however often it comes', async () => {
    await joined('log');
    node.way.faults.repeatDelivery = 1;
    await publish(other, 'log', 'a', 'b');
    await nodes.pass(100);
    expect(member.lines).toEqual(['+a', '+b']);
    expect(hub.counts.repeats).toBe(2);
  });

  it('that is missing is read from the log as soon as a later one shows it', async () => {
    await joined('log');
    node.way.faults.loseDelivery = 1;
    await publish(other, 'log', 'a', 'b');
    node.way.faults.loseDelivery = 0;
    await publish(other, 'log', 'c');
    await turn();
    expect(member.lines).toEqual(['+a', '+b', '+c']);
    expect(hub.counts.holes).toBe(1);
  });

  it('that is missing and followed by nothing is found by comparing positions, within a minute', async () => {
    await joined('log');
    node.way.faults.loseDelivery = 1;
    await publish(other, 'log', 'a');
    await nodes.pass(85_000);
    expect(member.lines).toEqual(['+a']);
    expect(hub.counts.mismatches).toBe(1);
  });

  it('is pushed in the place of its offset when it overtakes others', async () => {
    await joined('log');
    const heals = hub.counts.heals;
    node.way.faults.delayMs = 20;
    const mine = hub.publish('log', bytes('mine'));
    const theirs = publish(other, 'log', 'theirs');
    await nodes.pass(200);
    await Promise.all([mine, theirs]);
    expect(member.texts.sort()).toEqual(['mine', 'theirs']);
    expect(hub.counts.heals).toBe(heals);
  });
});

describe('an engine that loses data', () => {
  it('is a fork: members hear what is undone, and get what was published instead', async () => {
    await joined('log');
    await publish(other, 'log', 'a', 'b', 'c');
    nodes.engine.fork('log', 2);
    await publish(other, 'log', 'B');
    await turn();
    expect(member.lines).toEqual(['+a', '+b', '+c', 'joined at 1 of 2, undone 2', '+B']);
    expect(hub.counts).toMatchObject({ forks: 1, undone: 2, breaks: 0 });
    await publish(other, 'log', 'C');
    expect(member.texts.at(-1)).toBe('C');
  });

  it('costs one read for all members of a room', async () => {
    await hub.open('log');
    const members = Array.from({ length: 1_000 }, () => new TestMember());
    for (const each of members) hub.join('log', each, null);
    await publish(other, 'log', 'a');
    const { heals, pages } = hub.counts;
    nodes.engine.fork('log', 1);
    await publish(other, 'log', 'A');
    await turn();
    for (const each of members) expect(each.lines.slice(1)).toEqual(['+a', 'joined at 0 of 1, undone 1', '+A']);
    expect([hub.counts.heals - heals, hub.counts.pages - pages]).toEqual([1, 0]);
  });

  it('is a break when it has lost everything', async () => {
    await joined('log');
    await publish(other, 'log', 'a', 'b');
    nodes.engine.empty();
    await publish(other, 'log', 'A');
    await turn();
    expect(member.lines).toEqual(['+a', '+b', 'epoch, at 1 of 1']);
    expect(hub.counts.breaks).toBe(1);
    await publish(other, 'log', 'B');
    expect(member.texts.at(-1)).toBe('B');
  });

  it('is noticed in a room where nothing is published', async () => {
    await joined('log');
    await publish(other, 'log', 'a');
    nodes.engine.empty();
    await nodes.pass(85_000);
    expect(member.lines).toEqual(['+a', 'epoch, at 0 of 0']);
  });

  it('leads to one read when stragglers of the old epoch come', async () => {
    await joined('log');
    node.way.faults.delayMs = 40;
    for (const text of numbers(1, 5)) void other.publish('log', bytes(text));
    await turn();
    nodes.engine.fork('log', 0);
    node.way.faults.delayMs = 0;
    await publish(other, 'log', 'last');
    await nodes.pass(200);
    expect(member.texts).toEqual([...numbers(1, 5), 'last']);
    expect(hub.counts.heals).toBeLessThanOrEqual(3);
  });
});

describe('an outage', () => {
  it('is told to members, once, and so is its end, after what was missed', async () => {
    await joined('log');
    node.way.cut();
    node.way.cut();
    await publish(other, 'log', 'a', 'b');
    await nodes.pass(1_000);
    expect(member.lines).toEqual(['degraded: AWAY']);
    node.way.mend();
    await turn();
    expect(member.lines).toEqual(['degraded: AWAY', '+a', '+b', 'restored']);
  });

  it('of some rooms concerns those alone', async () => {
    const engine = new MemoryBackplane(nodes.engine.broker);
    let sink: BackplaneSink | undefined;
    const { start } = engine;
    engine.start = (name, own) => start.call(engine, name, (sink = own));
    const some = new RoomHub({ backplane: engine, policyOf, clock: nodes.clock, random: nodes.random });
    await some.start('some');
    some.join('log 1', member, null);
    some.join('log 2', member, null);
    await turn();
    member.lines.length = 0;
    sink?.interrupted(['log 1', 'log 3'], new BackplaneError('watch', 'MOVING', 'none', 'A slot moves'));
    await publish(other, 'log 1', 'a');
    await publish(other, 'log 2', 'b');
    expect(member.lines).toEqual(['degraded: MOVING', '+b']);
    sink?.resumed(['log 1', 'log 3']);
    await turn();
    expect(member.lines.slice(2)).toEqual(['+a', 'restored']);
    await some.close();
  });

  it('lets members wait that join meanwhile', async () => {
    node.way.cut();
    const position = await other.open('log');
    hub.join('log', member, position);
    await turn();
    expect(member.lines).toEqual(['degraded: AWAY']);
    const late = new TestMember();
    hub.join('log', late, position);
    expect(late.lines).toEqual(['degraded: AWAY']);
    await publish(other, 'log', 'a');
    node.way.mend();
    await nodes.pass(6_000);
    for (const each of [member, late]) {
      expect(each.lines).toEqual(['degraded: AWAY', 'restored', 'joined at 0 of 1, undone 0', '+a']);
    }
  });

  it('rejects what needs the engine, and tells what is certain', async () => {
    node.way.cut();
    await expect(hub.open('log')).rejects.toMatchObject({ code: 'AWAY', outcome: 'none' });
    await expect(hub.publish('log', bytes('a'))).rejects.toMatchObject({
      stage: 'publish',
      code: 'AWAY',
      outcome: 'none',
    });
    await expect(hub.read('log', null)).rejects.toBeInstanceOf(BackplaneError);
    node.way.mend();
    await nodes.pass(6_000);
    expect(await hub.open('log')).toMatchObject({ offset: 0 });
  });

  it('does not stop ephemeral rooms on this node, nor joining them', async () => {
    await joined('ephemeral');
    node.way.cut();
    await expect(hub.publish('ephemeral', bytes('a'))).rejects.toMatchObject({ code: 'AWAY' });
    const late = new TestMember();
    hub.join('ephemeral', late, null);
    hub.join('ephemeral new', late, null);
    await turn();
    hub.publishHere('ephemeral', bytes('b'));
    hub.publishHere('ephemeral new', bytes('c'));
    expect(member.lines).toEqual(['degraded: AWAY', '+a', '+b']);
    const nowhere = 'joined at nowhere, undone 0';
    expect(late.lines).toEqual(['degraded: AWAY', nowhere, 'degraded: AWAY', nowhere, '+b', '+c']);
    node.way.mend();
    await nodes.pass(6_000);
    expect(member.lines.at(-1)).toBe('restored');
    await publish(other, 'ephemeral new', 'd');
    expect(late.texts.at(-1)).toBe('d');
  });

  it('of one answer is tried again before anybody is told', async () => {
    await joined('log');
    node.way.faults.loseDelivery = 1;
    await publish(other, 'log', 'a');
    node.way.faults.loseDelivery = 0;
    node.way.faults.refuse = 1;
    await publish(other, 'log', 'b');
    await turn();
    node.way.faults.refuse = 0;
    await nodes.pass(1_000);
    expect(member.lines).toEqual(['+a', '+b']);
    expect(hub.counts.failedReads).toBe(1);
  });

  it('of many rooms ends with no more reads at once than allowed', async () => {
    let now = 0;
    let most = 0;
    const counting = replacing(({ read }) => ({
      read: async (...call) => {
        most = Math.max(most, ++now);
        await turn();
        now--;
        return read(...call);
      },
    }));
    const { hub: busy, way } = await nodes.add({ maxReads: 10 }, counting);
    const members = numbers(1, 200).map((room) => {
      const each = new TestMember();
      busy.join(`log ${room}`, each, null);
      return each;
    });
    await nodes.pass(2_000);
    way.cut();
    for (const room of numbers(1, 200)) await publish(other, `log ${room}`, 'a');
    way.mend();
    expect(busy.pendingReads).toBe(0);
    await turn();
    expect(busy.pendingReads).toBeGreaterThan(100);
    await nodes.pass(2_000);
    for (const each of members) expect(each.lines.slice(1)).toEqual(['degraded: AWAY', '+a', 'restored']);
    expect(most).toBe(10);
    expect(busy.pendingReads).toBe(0);
  });

  it('of pages alone is tried again, not more often than a heal', async () => {
    let reads = 0;
    const failing = replacing(({ read }) => ({
      read: (room, since, ...call) => {
        if (since === null) return read(room, since, ...call);
        reads++;
        return Promise.reject(new BackplaneError('read', 'REFUSED', 'none', 'No'));
      },
    }));
    const { hub: broken } = await nodes.add({}, failing);
    await publish(other, 'log', 'a');
    const { top } = await other.read('log', null);
    broken.join('log', member, { epoch: top.epoch, offset: 0 });
    await nodes.pass(10_000);
    expect(reads).toBeGreaterThan(5);
    expect(reads).toBeLessThan(100);
    expect(member.lines).toEqual(['degraded: REFUSED']);
  });

  it('of an engine that says there is more and gives nothing is none', async () => {
    let reads = 0;
    const empty = replacing(({ read }) => ({
      read: async (...call) => {
        reads++;
        const result = await read(...call);
        return result.whole ? { ...result, items: [], more: true } : result;
      },
    }));
    const { hub: broken } = await nodes.add({}, empty);
    broken.join('log', member, null);
    await nodes.pass(10_000);
    expect(member.lines).toEqual(['degraded: NONSENSE']);
    expect(reads).toBeLessThan(20);
  });

  it('is not believed to be over when the engine answers nonsense', async () => {
    const holes = replacing(({ read }) => ({
      read: async (...call) => {
        const result = await read(...call);
        return result.whole ? { ...result, items: result.items.slice(1) } : result;
      },
    }));
    const { hub: fooled, way } = await nodes.add({}, holes);
    fooled.join('log', member, null);
    await turn();
    way.cut();
    await publish(other, 'log', 'a', 'b');
    way.mend();
    await nodes.pass(10_000);
    expect(member.texts).toEqual([]);
    expect(fooled.counts.failedReads).toBeGreaterThan(2);
  });
});

describe('an engine that is away, in a room whose policy holds publications', () => {
  it('gets them when it is back, each once and in order, and the members too', async () => {
    await joined('held');
    node.way.cut();
    const waiting = Promise.all(['a', 'b', 'c'].map((text) => hub.publish('held', bytes(text))));
    await nodes.pass(4_000);
    expect(hub.pendingBytes).toBe(3);
    node.way.mend();
    await nodes.pass(500);
    expect((await waiting).map(({ first }) => first?.offset)).toEqual([1, 2, 3]);
    await publish(other, 'held', 'd');
    await nodes.pass(100);
    expect(member.lines.filter((line) => line.startsWith('+'))).toEqual(['+a', '+b', '+c', '+d']);
    expect(hub.pendingBytes).toBe(0);
  });

  it('loses none of them that it has refused in time', async () => {
    node.way.cut();
    const refused = hub.publish('held', bytes('a')).catch((error: unknown) => error);
    await nodes.pass(4_900);
    const later = hub.publish('held', bytes('b'));
    await nodes.pass(400);
    expect(await refused).toMatchObject({ code: 'AWAY', outcome: 'none' });
    node.way.mend();
    await nodes.pass(500);
    expect((await later).first?.offset).toBe(1);
  });

  it('does not hold what may have been stored, nor what a hub holds that closes', async () => {
    node.way.loseNextReply();
    const unknown = hub.publish('held', bytes('a')).catch((error: unknown) => error);
    await nodes.pass(2_000);
    expect(await unknown).toMatchObject({ outcome: 'unknown' });
    node.way.cut();
    const held = hub.publish('held', bytes('b')).catch((error: unknown) => error);
    await nodes.pass(100);
    // At once: nobody moves the clock.
    await hub.close();
    expect(await held).toBeInstanceOf(BackplaneError);
  });
});
