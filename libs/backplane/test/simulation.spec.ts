import { simulateRooms } from '@holdfast/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MemoryBackplane } from '../src/index.js';
import { RoomLog } from '../src/memory/room-log.js';
import { Agenda } from '../src/rooms/agenda.js';
import { CatchUp } from '../src/rooms/catch-up.js';
import { Cursor } from '../src/rooms/cursor.js';
import { Feed } from '../src/rooms/feed.js';
import { Intake } from '../src/rooms/intake.js';
import { MemberList } from '../src/rooms/member-list.js';
import { PositionCheck } from '../src/rooms/position-check.js';
import { Ring } from '../src/rooms/ring.js';
import { RoomWriter } from '../src/rooms/room-writer.js';
import { Stash } from '../src/rooms/stash.js';
import { Subscription } from '../src/rooms/subscription.js';
import { Watches } from '../src/rooms/watches.js';

describe('rooms, whatever happens to engine, nodes and clients', () => {
  it('keep every client whole, or tell it what is missing and why', async () => {
    const report = await simulateRooms({ seeds: 1_000 });
    expect(report.failure).toBeUndefined();
    expect(report.forks).toBeGreaterThan(1_000);
    expect(report.delivered).toBeGreaterThan(100_000);
  }, 120_000);

  it('do the same under the same seed', async () => {
    const once = await simulateRooms({ from: 77, seeds: 3 });
    expect(await simulateRooms({ from: 77, seeds: 3 })).toEqual(once);
  });
});

/** Each takes one rule away. The simulation has to notice. */
const sabotages: Record<string, () => unknown> = {
  'compares offsets and not epochs': () =>
    vi.spyOn(Intake.prototype, 'isNext').mockImplementation(function (this: Intake, { offset }) {
      return this.epoch !== '' && offset === this.offset + 1;
    }),
  'keeps its epoch when an engine loses data': () => {
    const { fork } = RoomLog.prototype;
    vi.spyOn(RoomLog.prototype, 'fork').mockImplementation(function (this: RoomLog, top) {
      fork.call(this, top, this.top.epoch);
    });
  },
  'makes members live without what came in between': () => {
    const { settle } = CatchUp.prototype;
    vi.spyOn(CatchUp.prototype, 'settle').mockImplementation(function (this: CatchUp, subscription) {
      const position = subscription.behind?.position;
      if (!position || subscription.behind?.isTold) {
        settle.call(this, subscription);
        return;
      }
      subscription.member.joined(subscription, { recovered: true, position, top: position.offset, undone: 0 });
      subscription.behind = undefined;
    });
  },
  'forgets what came while it was reading': () => {
    vi.spyOn(Stash.prototype, 'add').mockReturnValue();
  },
  'reads once where something is still missing': () => {
    const { clear } = Stash.prototype;
    vi.spyOn(Stash.prototype, 'clear').mockImplementation(function (this: Stash) {
      clear.call(this);
      return false;
    });
  },
  'does not check positions': () => {
    vi.spyOn(PositionCheck.prototype, 'next').mockResolvedValue();
  },
  'reads before its deliveries are certain': () => {
    const { watch } = Watches.prototype;
    vi.spyOn(Watches.prototype, 'watch').mockImplementation(function (this: Watches, room) {
      watch.call(this, room).catch(() => undefined);
      return Promise.resolve();
    });
    vi.spyOn(PositionCheck.prototype, 'next').mockResolvedValue();
  },
  'keeps the ring of another log': () => {
    vi.spyOn(Ring.prototype, 'clear').mockReturnValue();
  },
  'forgets what a slow member did not take': () => {
    const { ofSlowMember } = Cursor;
    vi.spyOn(Cursor, 'ofSlowMember').mockImplementation(({ epoch, offset }) =>
      ofSlowMember({ epoch, offset: offset + 1 }),
    );
  },
  'never goes on with a slow member': () => {
    vi.spyOn(Subscription.prototype, 'resume').mockReturnValue();
  },
  'pushes past a slow member': () => {
    const { push } = MemberList.prototype;
    vi.spyOn(MemberList.prototype, 'push').mockImplementation(function (this: MemberList, publication) {
      return push.call(this, publication, null);
    });
  },
  'does not read when an outage is over': () => {
    vi.spyOn(Feed.prototype, 'resumed').mockReturnValue();
  },
  'does not try again': () => {
    vi.spyOn(Agenda.prototype, 'add').mockReturnValue();
  },
  'does not settle members when it is whole again': () => {
    vi.spyOn(CatchUp.prototype, 'settleAll').mockReturnValue();
  },
  'takes its own publications to be the next ones': () => {
    const { delivered } = Feed.prototype;
    vi.spyOn(Feed.prototype, 'delivered').mockImplementation(function (this: Feed, publication, isOwn) {
      const offset = isOwn && this.position ? this.position.offset + 1 : publication.offset;
      delivered.call(this, { ...publication, offset }, isOwn);
    });
  },
  'pushes what comes twice': () => {
    const { take } = Intake.prototype;
    vi.spyOn(Intake.prototype, 'take').mockImplementation(function (this: Intake, publication) {
      if (publication.epoch === this.epoch && publication.offset === this.offset) {
        this.members.push(publication, this.position);
      }
      return take.call(this, publication);
    });
  },
  'does not say what is undone': () => {
    const { read } = RoomLog.prototype;
    vi.spyOn(RoomLog.prototype, 'read').mockImplementation(function (this: RoomLog, ...question) {
      const result = read.apply(this, question);
      return result.whole ? { ...result, undone: 0 } : result;
    });
  },
  'answers with what is left when something was trimmed': () => {
    const { read } = RoomLog.prototype;
    vi.spyOn(RoomLog.prototype, 'read').mockImplementation(function (this: RoomLog, since, ...limits) {
      const result = read.call(this, since, ...limits);
      if (result.whole || result.reason !== 'trimmed') return result;
      return { whole: true, top: result.top, from: result.top.offset, undone: 0, items: [], more: false };
    });
  },
  'turns the order of publishes round': () => {
    const { write } = RoomWriter.prototype;
    let held: (() => void) | undefined;
    vi.spyOn(RoomWriter.prototype, 'write').mockImplementation(function (this: RoomWriter, item, once) {
      return new Promise((resolve) => {
        const go = (): void => resolve(write.call(this, item, once));
        if (held) go();
        held?.();
        held = held ? undefined : go;
      });
    });
  },
  'stores a publish again when its answer was lost': () => {
    const { publish } = MemoryBackplane.prototype;
    let count = 0;
    vi.spyOn(MemoryBackplane.prototype, 'publish').mockImplementation(async function (this: MemoryBackplane, ...call) {
      if (++count % 50 === 0) await publish.apply(this, call);
      return publish.apply(this, call);
    });
  },
  'forgets the keys of publishes': () => {
    vi.spyOn(RoomLog.prototype, 'remember').mockReturnValue();
  },
};

/** Position checks soon repair the effect of some sabotages: these have to be caught without them. */
async function failureWithoutChecks(): Promise<unknown> {
  vi.spyOn(PositionCheck.prototype, 'next').mockResolvedValue();
  return (await simulateRooms({ seeds: 200, shrinks: false, isLossless: true })).failure;
}

describe('the simulation', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(Object.keys(sabotages))(
    'catches a node that %s',
    async (name) => {
      sabotages[name]?.();
      const { failure } = await simulateRooms({ seeds: 100, shrinks: false });
      expect(failure ?? (await failureWithoutChecks())).toBeDefined();
    },
    60_000,
  );

  it('needs no position checks where nothing is lost on the way', async () => {
    vi.spyOn(PositionCheck.prototype, 'next').mockResolvedValue();
    expect(await simulateRooms({ seeds: 300, isLossless: true })).toMatchObject({ failure: undefined });
  }, 60_000);

  it('shortens what it finds, and tells what happened', async () => {
    sabotages['forgets what a slow member did not take']?.();
    const { failure } = await simulateRooms({ seeds: 100 });
    expect(failure?.steps.length).toBeLessThan(10);
    expect(failure?.trace.at(-1)).toContain('client');
  }, 60_000);
});
