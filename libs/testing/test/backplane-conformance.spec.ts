import {
  type Backplane,
  type BackplaneSink,
  MemoryBackplane,
  type MemoryBroker,
  type Position,
  type Publication,
  type SessionStore,
} from '@holdfast/backplane';
import { describe, expect, it } from 'vitest';
import { describeBackplane } from '../src/index.js';
import { failuresOf } from './support/failures-of.js';
import { memoryCapabilities, memoryHarness } from './support/memory-harness.js';

describeBackplane('MemoryBackplane', () => memoryHarness(), memoryCapabilities, { describe, it });

/** An engine that is right but for what it overrides. */
type Flaw = (engine: Backplane, broker: MemoryBroker) => Partial<Backplane>;

function flawed(flaw: Flaw): (broker: MemoryBroker) => Backplane {
  return (broker) => {
    const engine = new MemoryBackplane(broker);
    const { name, deadlineMs, durability, sessions } = engine;
    return {
      ...{ name, deadlineMs, durability, sessions },
      start: (...call) => engine.start(...call),
      close: () => engine.close(),
      publish: (...call) => engine.publish(...call),
      read: (...call) => engine.read(...call),
      tops: (...call) => engine.tops(...call),
      watch: (...call) => engine.watch(...call),
      unwatch: (...call) => engine.unwatch(...call),
      send: (...call) => engine.send(...call),
      ...flaw(engine, broker),
    };
  };
}

/** An engine whose sink gets what is made of each publication. */
function delivering(make: (publication: Publication) => readonly Publication[]): Flaw {
  return (engine) => ({
    start: (node, sink) =>
      engine.start(node, { ...sinkOf(sink), publication: (one) => make(one).forEach(sink.publication, sink) }),
  });
}

function sinkOf(sink: BackplaneSink): BackplaneSink {
  return {
    publication: (publication) => sink.publication(publication),
    command: (command, from) => sink.command(command, from),
    interrupted: (rooms, cause) => sink.interrupted(rooms, cause),
    resumed: (rooms) => sink.resumed(rooms),
  };
}

/** An engine whose sessions are right but for what is overridden. */
function keeping(flaw: (sessions: SessionStore) => Partial<SessionStore>): Flaw {
  return ({ sessions }) => {
    if (!sessions) throw new TypeError('The memory engine has sessions');
    return {
      sessions: {
        create: (...call) => sessions.create(...call),
        claim: (...call) => sessions.claim(...call),
        change: (...call) => sessions.change(...call),
        release: (...call) => sessions.release(...call),
        touch: (...call) => sessions.touch(...call),
        end: (...call) => sessions.end(...call),
        ...flaw(sessions),
      },
    };
  };
}

const flaws: Record<string, Flaw> = {
  'stores the items of one call in another order': (engine) => ({
    publish: (room, items, options) => engine.publish(room, [...items].reverse(), options),
  }),
  'stores the items of one call one by one': (engine) => ({
    publish: async (room, items, options) => {
      const published = [];
      for (const item of items) published.push(await engine.publish(room, [item], options));
      return published.at(0) ?? engine.publish(room, [], options);
    },
  }),
  'carries calls out in any order': (engine) => {
    let count = 0;
    return {
      publish: async (...call) => {
        if (++count % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        return engine.publish(...call);
      },
    };
  },
  'forgets the keys of publishes': (engine) => ({
    publish: (room, items, { history }) => engine.publish(room, items, { history }),
  }),
  'remembers the keys of publishes for too long': (engine) => ({
    publish: (room, items, { history, once }) =>
      engine.publish(room, items, { history, ...(once && { once: { ...once, windowMs: once.windowMs * 100 } }) }),
  }),
  'answers a repeated key as if it were new': (engine) => ({
    publish: async (...call) => ({ ...(await engine.publish(...call)), repeat: false }),
  }),
  'leaves a hole where something was trimmed': (engine) => ({
    read: async (...call) => {
      const result = await engine.read(...call);
      if (result.whole || result.reason !== 'trimmed') return result;
      return { whole: true, top: result.top, from: result.top.offset, undone: 0, items: [], more: false };
    },
  }),
  'takes any epoch for its own': (engine) => ({
    read: async (room, since, ...limits) => {
      const { top } = await engine.read(room, null, ...limits);
      return engine.read(room, since && { ...top, offset: since.offset }, ...limits);
    },
  }),
  'takes the future for the present': (engine) => ({
    read: async (room, since, ...limits) => {
      const result = await engine.read(room, since, ...limits);
      return result.whole || result.reason !== 'future' ? result : engine.read(room, result.top, ...limits);
    },
  }),
  'does not count what is undone': (engine) => ({
    read: async (...call) => {
      const result = await engine.read(...call);
      return result.whole ? { ...result, undone: 0 } : result;
    },
  }),
  'gives more than a page': (engine) => ({
    read: (room, since, { bytes }, history) => engine.read(room, since, { items: Infinity, bytes }, history),
  }),
  'gives pages of any size in bytes': (engine) => ({
    read: (room, since, { items }, history) => engine.read(room, since, { items, bytes: Infinity }, history),
  }),
  'keeps too little': (engine) => ({
    publish: (room, items, { history, ...options }) =>
      engine.publish(room, items, { ...options, history: { ...history, size: Math.min(history.size, 2) } }),
  }),
  'keeps everything for too short a time': (engine) => ({
    publish: (room, items, { history, ...options }) =>
      engine.publish(room, items, { ...options, history: { ...history, ttlMs: history.ttlMs / 10 } }),
  }),
  'knows rooms that there are not': (engine) => ({
    tops: async (rooms) => {
      const tops = await engine.tops(rooms);
      return tops.map((top): Position => top ?? { epoch: 'made up', offset: 0 });
    },
  }),
  'lets rooms expire that are asked for': (engine, broker) => ({
    tops: async (rooms) => {
      const tops = await engine.tops(rooms);
      broker.logs.change((logs) => logs.clear());
      return tops;
    },
  }),
  'gives publications of ephemeral rooms back to the publisher': (engine) => {
    let own: BackplaneSink | undefined;
    return {
      start: (node, sink) => engine.start(node, (own = sink)),
      publish: async (room, items, options) => {
        const published = await engine.publish(room, items, options);
        for (const item of items) {
          if (!published.first) own?.publication({ epoch: '', offset: 0, room, at: published.at, item });
        }
        return published;
      },
    };
  },
  'does not count watches': (engine) => {
    const watched = new Set<string>();
    return {
      watch: (rooms) => engine.watch(rooms.filter((room) => !watched.has(room) && watched.add(room))),
      unwatch: (rooms) => engine.unwatch(rooms.filter((room) => watched.delete(room))),
    };
  },
  'never stops to watch': () => ({ unwatch: () => undefined }),
  'watches some time later': (engine) => ({
    watch: (rooms) => {
      setImmediate(() => void engine.watch(rooms).catch(() => undefined));
      return Promise.resolve();
    },
  }),
  'watches other rooms, too': (engine) => ({
    watch: (rooms) => engine.watch([...rooms, 'third room']),
  }),
  'does not keep to names': (engine) => ({
    publish: (room, ...call) => engine.publish(room.trim(), ...call),
    read: (room, ...call) => engine.read(room.trim(), ...call),
    watch: (rooms) => engine.watch(rooms.map((room) => room.trim())),
  }),
  'takes items for text': delivering((publication) => [
    { ...publication, item: new TextEncoder().encode(new TextDecoder().decode(publication.item)) },
  ]),
  'mixes offsets up': delivering((publication) => [{ ...publication, offset: publication.offset + 1 }]),
  'rejects with what comes': (engine) => ({
    publish: (...call) =>
      engine.publish(...call).catch(() => {
        throw new Error('connection closed');
      }),
  }),
  'says that it failed when it may have succeeded': (engine) => ({
    publish: async (...call) => {
      const published = await engine.publish(...call);
      const [[item]] = [call[1]];
      if (item?.byteLength === 1) return published;
      throw Object.assign(new Error('no answer'), { code: 'AWAY', outcome: 'none' });
    },
  }),
  'goes on after it has closed': () => ({ close: () => Promise.resolve() }),
  'sends commands to somebody else': (engine) => ({
    send: (_to, command) => engine.send(null, command),
  }),
  'does not check the fences of sessions': keeping((sessions) => ({
    change: (lease, change) => sessions.change(lease, change).catch(() => undefined),
  })),
  'gives sessions to anybody': keeping((sessions) => ({
    claim: (id, _principal, node) => sessions.claim(id, 'alice', node),
  })),
  'forgets a session that is claimed': keeping((sessions) => ({
    claim: async (id, ...call) => {
      const claimed = await sessions.claim(id, ...call);
      await sessions.end(id);
      return claimed;
    },
  })),
  'says that changes are stored, and stores some': keeping((sessions) => ({
    change: (lease, { join }) => sessions.change(lease, { ...(join && { join }) }),
  })),
  'does not touch sessions': keeping(() => ({ touch: () => Promise.resolve([]) })),
  'does not release sessions': keeping(() => ({ release: () => Promise.resolve() })),
  'creates sessions again': keeping((sessions) => ({
    create: async (session) => {
      await sessions.end(session.id);
      return sessions.create(session);
    },
  })),
};

describe('describeBackplane', () => {
  it.each(Object.keys(flaws))('catches an engine that %s', async (name) => {
    const flaw = flaws[name]!;
    const { failed, tests } = await failuresOf((runner) =>
      describeBackplane('it', () => memoryHarness(flawed(flaw)), memoryCapabilities, runner),
    );
    expect(failed).not.toEqual([]);
    expect(failed.length).toBeLessThan(tests);
  });

  it('leaves out what an engine is not capable of', async () => {
    const { failed, tests } = await failuresOf((runner) => describeBackplane('it', () => memoryHarness(), [], runner));
    expect(failed).toEqual([]);
    expect(tests).toBeGreaterThan(20);
  });

  it('says what to do where there is no global test runner', () => {
    expect(() => describeBackplane('it', () => memoryHarness(), [])).toThrow(TypeError);
  });
});
