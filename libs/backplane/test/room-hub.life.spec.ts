import { describe, expect, it, vi } from 'vitest';
import { MemoryBackplane, RoomHub } from '../src/index.js';
import { bytes, numbers, policyOf, publish, replacing, TestNodes, turn } from './support/nodes.js';
import { TestMember } from './support/test-member.js';

/** Notes what is watched and not any more, and which positions are asked for. */
function noting(watched: string[], asked: string[][] = []) {
  return replacing(({ watch, unwatch, tops }) => ({
    watch: (rooms) => {
      watched.push(...rooms.map((room) => `+${room}`));
      return watch(rooms);
    },
    unwatch: (rooms) => {
      watched.push(...rooms.map((room) => `-${room}`));
      unwatch(rooms);
    },
    tops: (rooms) => {
      asked.push([...rooms]);
      return tops(rooms);
    },
  }));
}

describe('a room without members', () => {
  it('is watched for a moment, and then not any more', async () => {
    const nodes = new TestNodes();
    const watched: string[] = [];
    const { hub } = await nodes.add({}, noting(watched));
    const subscription = hub.join('log', new TestMember(), null);
    await turn();
    subscription.leave();
    await nodes.pass(900);
    const again = hub.join('log', new TestMember(), null);
    again.leave();
    expect(watched).toEqual(['+log']);
    await nodes.pass(5_500);
    expect(watched).toEqual(['+log', '-log']);
    expect(hub.rooms).toBe(0);
  });

  it('is watched for that moment after its last member, whatever was before', async () => {
    const nodes = new TestNodes();
    const watched: string[] = [];
    const { hub } = await nodes.add({ lingerMs: 2_000 }, noting(watched));
    for (let count = 0; count < 30; count++) {
      const subscription = hub.join('log', new TestMember(), null);
      await nodes.pass(500);
      subscription.leave();
      await nodes.pass(1_500);
    }
    expect(watched).toEqual(['+log']);
    await nodes.pass(11_000);
    expect(watched).toEqual(['+log', '-log']);
  });

  it('is forgotten when it was only opened', async () => {
    const nodes = new TestNodes();
    const watched: string[] = [];
    const { hub } = await nodes.add({}, noting(watched));
    await hub.open('log');
    await nodes.pass(900);
    await hub.open('log');
    await nodes.pass(6_000);
    expect(watched).toEqual(['+log', '-log']);
    expect(hub.rooms).toBe(0);
  });

  it('is unwatched also when it ends before the watch has arrived', async () => {
    const nodes = new TestNodes();
    const watched: string[] = [];
    const { hub, way } = await nodes.add({}, noting(watched));
    way.pause();
    hub.join('log', new TestMember(), null).leave();
    nodes.clock.advance(900);
    way.unpause();
    await nodes.pass(6_000);
    expect(watched.filter((change) => change === '+log')).toHaveLength(1);
    expect(watched.at(-1)).toBe('-log');
    expect(hub.rooms).toBe(0);
  });

  it('keeps what members that were away for a moment need', async () => {
    const nodes = new TestNodes();
    const { hub } = await nodes.add();
    const one = hub.join('log', new TestMember(), null);
    await turn();
    await publish(hub, 'log', 'a');
    const since = one.position;
    one.leave();
    await publish(hub, 'log', 'b');
    const member = new TestMember();
    hub.join('log', member, since);
    expect(member.lines).toEqual(['joined at 1 of 2, undone 0', '+b']);
  });
});

describe('watching', () => {
  it('asks the engine once for all rooms of a turn, in calls it can carry', async () => {
    const nodes = new TestNodes();
    const sizes: number[] = [];
    const counting = replacing(({ watch }) => ({
      watch: (rooms) => {
        sizes.push(rooms.length);
        return watch(rooms);
      },
    }));
    const { hub } = await nodes.add({}, counting);
    const members = numbers(1, 1_200).map((room) => hub.join(`log ${room}`, new TestMember(), null));
    await turn();
    expect(sizes).toEqual([512, 512, 176]);
    expect(members.every(({ isLive }) => isLive)).toBe(true);
  });
});

describe('positions', () => {
  it('are compared once per round, and only in rooms where nothing has come', async () => {
    const nodes = new TestNodes();
    const asked: string[][] = [];
    const { hub } = await nodes.add({ checkMs: 10_000 }, noting([], asked));
    for (const room of numbers(1, 10)) hub.join(`log ${room}`, new TestMember(), null);
    hub.join('ephemeral', new TestMember(), null);
    await nodes.pass(10_250);
    asked.length = 0;
    for (let second = 0; second < 20; second++) {
      await publish(hub, 'log 1', 'busy');
      await nodes.pass(1_000);
    }
    const rooms = asked.flat();
    expect(rooms).not.toContain('log 1');
    expect(rooms).not.toContain('ephemeral');
    for (const room of numbers(2, 10)) {
      expect(rooms.filter((each) => each === `log ${room}`).length).toBeGreaterThanOrEqual(1);
      expect(rooms.filter((each) => each === `log ${room}`).length).toBeLessThanOrEqual(3);
    }
  });

  // A feed that had ended was looked at again when an answer about its position came late, and took the feed away that
  // had begun in its room since: its members were live, and got nothing any more.
  it('concern nobody when the answer comes after the room has ended and begun again', async () => {
    const nodes = new TestNodes();
    const answers: (() => void)[] = [];
    const late = replacing(() => ({
      tops: (rooms) =>
        new Promise((resolve) => answers.push(() => resolve(rooms.map(() => ({ epoch: 'another', offset: 1 }))))),
    }));
    const { hub } = await nodes.add({ checkMs: 2_000 }, late);
    const subscription = hub.join('log', new TestMember(), null);
    await nodes.pass(5_000);
    expect(answers).toHaveLength(1);
    subscription.leave();
    await nodes.pass(6_000);
    const member = new TestMember();
    hub.join('log', member, null);
    await turn();
    answers[0]?.();
    await nodes.pass(6_000);
    await publish(hub, 'log', 'a');
    expect(member.texts).toEqual(['a']);
    expect(hub.rooms).toBe(1);
  });

  it('keep quiet rooms of the engine from expiring', async () => {
    const nodes = new TestNodes({ roomIdleMs: 120_000 });
    const { hub } = await nodes.add();
    const subscription = hub.join('log', new TestMember(), null);
    await turn();
    const { position } = subscription;
    await nodes.pass(600_000);
    expect(await hub.open('log')).toEqual(position);
    expect(subscription.position).toEqual(position);
  });
});

describe('a hub', () => {
  it.each(['pageItems', 'maxReads', 'tickMs', 'ringItems'] as const)('refuses a setting that cannot be: %s', (name) => {
    for (const [value, shown] of [
      [0, '0'],
      [-1, '-1'],
      [Number.NaN, 'NaN'],
      ['5' as unknown as number, 'string'],
    ] as const) {
      const options = { backplane: new MemoryBackplane(), policyOf, settings: { [name]: value } };
      expect(() => new RoomHub(options)).toThrow(`${name} must be a number above 0, not ${shown}`);
    }
    expect(
      () => new RoomHub({ backplane: new MemoryBackplane(), policyOf, settings: { [name]: undefined } }),
    ).not.toThrow();
  });

  it('refuses settings that there are not', () => {
    const settings = { pageItem: 5 } as object;
    expect(() => new RoomHub({ backplane: new MemoryBackplane(), policyOf, settings })).toThrow(
      'pageItem is not a setting of a hub; settings are maxRooms, ',
    );
  });

  it('takes no more rooms than allowed', async () => {
    const nodes = new TestNodes();
    const { hub } = await nodes.add({ maxRooms: 2 });
    hub.join('log 1', new TestMember(), null);
    await hub.open('log 2');
    expect(() => hub.join('log 3', new TestMember(), null)).toThrow(expect.objectContaining({ code: 'FULL' }));
    await expect(hub.open('log 3')).rejects.toMatchObject({ code: 'FULL', outcome: 'none' });
    hub.join('log 2', new TestMember(), null);
    expect(hub.rooms).toBe(2);
  });

  it('calls nobody and leaves no timer after it has closed', async () => {
    const nodes = new TestNodes();
    const { hub } = await nodes.add();
    const member = new TestMember();
    hub.join('log', member, null);
    hub.join('log new', member, null).leave();
    await turn();
    await publish(hub, 'log', 'a');
    member.lines.length = 0;
    await hub.close();
    expect(nodes.clock.pending).toBe(0);
    expect(() => hub.join('log', member, null)).toThrow(expect.objectContaining({ code: 'AWAY' }));
    await expect(hub.open('log')).rejects.toMatchObject({ code: 'AWAY' });
    await expect(hub.publish('log', bytes('b'))).rejects.toMatchObject({ code: 'AWAY', outcome: 'none' });
    await nodes.pass(1_000);
    expect(member.lines).toEqual([]);
    expect([hub.rooms, hub.ringBytes]).toEqual([0, 0]);
  });

  it('has no timer while it has no rooms', async () => {
    const nodes = new TestNodes();
    const { hub } = await nodes.add();
    await hub.publish('log', bytes('stored'));
    // That of the engine, which has a room now.
    const idle = nodes.clock.pending;
    hub.join('log', new TestMember(), null).leave();
    expect(nodes.clock.pending).toBe(idle + 1);
    await nodes.pass(6_000);
    expect(nodes.clock.pending).toBe(idle);
  });

  it('gives commands of nodes to their receiver', async () => {
    const onCommand = vi.fn();
    const backplane = new MemoryBackplane();
    const hub = new RoomHub({ backplane, policyOf, onCommand });
    await hub.start('a');
    const command = bytes('evict');
    expect(await backplane.send('a', command)).toBe(1);
    expect(onCommand).toHaveBeenCalledExactlyOnceWith(command, 'a');
    await hub.close();
    const deaf = new MemoryBackplane();
    const other = new RoomHub({ backplane: deaf, policyOf });
    await other.start('b');
    expect(await deaf.send(null, command)).toBe(1);
    await other.close();
  });
});

describe('what members do while they are called', () => {
  it('joins, leaves and publishes, and everybody has everything once and in order', async () => {
    const nodes = new TestNodes();
    const { hub } = await nodes.add();
    await hub.open('log');
    const [first, leaver, last, newcomer] = [new TestMember(), new TestMember(), new TestMember(), new TestMember()];
    hub.join('log', first, null);
    const leaving = hub.join('log', leaver, null);
    hub.join('log', last, null);
    first.onCall = (_, line) => {
      if (line !== '+a') return;
      leaving.leave();
      void publish(hub, 'log', 'b');
      hub.join('log', newcomer, null);
    };
    await publish(hub, 'log', 'a');
    await turn();
    expect(first.texts).toEqual(['a', 'b']);
    expect(leaver.texts).toEqual([]);
    expect(last.texts).toEqual(['a', 'b']);
    expect(newcomer.lines.at(-1)).toBe('+b');
    expect(newcomer.lines.filter((line) => line.startsWith('joined'))).toHaveLength(1);
  });

  it('publishes in answer to its own join', async () => {
    const nodes = new TestNodes();
    const { hub } = await nodes.add();
    await hub.open('log');
    const member = new TestMember();
    member.onCall = (_, line) => {
      if (line.startsWith('joined')) void publish(hub, 'log', 'hello');
    };
    hub.join('log', member, null);
    await turn();
    expect(member.lines).toEqual(['joined at 0 of 0, undone 0', '+hello']);
  });

  it('leaves when it is told that it has joined, or with the first publication that it missed', async () => {
    const nodes = new TestNodes();
    const { hub } = await nodes.add();
    const since = await hub.open('log');
    await publish(hub, 'log', 'a', 'b');
    for (const when of ['joined', '+a']) {
      const member = new TestMember();
      member.onCall = (subscription, line) => {
        if (line.startsWith(when)) subscription.leave();
      };
      hub.join('log', member, since);
      await turn();
      expect(member.lines.at(-1)).toContain(when);
    }
    expect(hub.count('log')).toBe(0);
  });

  it('publishes a lot in an ephemeral room, in order', async () => {
    const nodes = new TestNodes();
    const { hub } = await nodes.add();
    const [one, other] = [new TestMember(), new TestMember()];
    hub.join('ephemeral', one, null);
    hub.join('ephemeral', other, null);
    await turn();
    one.onCall = (_, line) => {
      if (line === '+0') for (const text of numbers(1, 10)) hub.publishHere('ephemeral', bytes(text));
    };
    hub.publishHere('ephemeral', bytes('0'));
    expect(other.texts).toEqual(numbers(0, 10));
  });
});
