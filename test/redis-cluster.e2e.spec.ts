import { type Backplane, type Publication, RoomHub } from '@holdfast/backplane';
import { redisBackplane as byIoredis } from '@holdfast/redis/ioredis';
import { redisBackplane as byNodeRedis } from '@holdfast/redis/node-redis';
import { Cluster, Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BackplaneNotes, countTo, history, page, Publisher, textOf, textsAfter } from './support/backplane-notes.js';
import { RedisCluster } from './support/redis-cluster.js';
import { redisMissing } from './support/redis-server.js';
import { requires } from './support/requirement.js';

let prefixes = 0;

const libraries: [string, (cluster: RedisCluster, prefix: string) => Backplane][] = [
  ['ioredis', ({ addresses }, prefix) => byIoredis({ client: new Cluster(addresses, { lazyConnect: true }), prefix })],
  [
    'node-redis',
    ({ addresses }, prefix) =>
      byNodeRedis({ client: createCluster({ rootNodes: addresses.map((socket) => ({ socket })) }), prefix }),
  ],
];

/** Publishes until it is told to end. */
async function publishUntil(hasEnded: () => boolean, publish: (number: number) => Promise<unknown>): Promise<void> {
  for (let number = 1; !hasEnded(); number++) await publish(number);
}

requires('redis-server', redisMissing)('the engine on a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start(1_000);
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  it.each([
    ['ioredis', (port: number) => byIoredis({ client: new Redis({ port, lazyConnect: true }), prefix: 'plain' })],
    [
      'node-redis',
      (port: number) => byNodeRedis({ client: createClient({ url: `redis://127.0.0.1:${port}` }), prefix: 'plain' }),
    ],
  ])('is refused with a client for one server: %s', async (_, connect) => {
    const failed = connect(cluster.addresses[0]?.port ?? 0).start('node', new BackplaneNotes());
    await expect(failed).rejects.toMatchObject({ code: 'MISCONFIGURED', outcome: 'none' });
    await expect(failed).rejects.toThrow(/one of a cluster/);
  });

  describe.each(libraries)('by %s', (_, connect) => {
    /** Nodes with one prefix. */
    async function start(count: number): Promise<{ nodes: Backplane[]; notes: BackplaneNotes[] } & AsyncDisposable> {
      const prefix = `cluster-${++prefixes}`;
      const notes = Array.from({ length: count }, () => new BackplaneNotes());
      const nodes = notes.map(() => connect(cluster, prefix));
      for (const [index, node] of nodes.entries())
        await node.start(`node ${index}`, notes[index] ?? new BackplaneNotes());
      return {
        ...{ nodes, notes },
        [Symbol.asyncDispose]: async () => {
          await Promise.all(nodes.map((node) => node.close()));
        },
      };
    }

    it('warns once of what all masters have in common', async () => {
      await using started = await start(1);
      expect(started.nodes[0]?.durability).toMatchObject({
        kind: 'memory',
        warnings: [expect.stringMatching(/^appendonly is off/)],
      });
    });

    it('loses nothing while a slot moves under load, and forks with nothing undone', { timeout: 60_000 }, async () => {
      await using started = await start(3);
      const [one, other, third] = started.nodes as [Backplane, Backplane, Backplane];
      const room = 'moving';
      const publishers = [new Publisher(one, room), new Publisher(other, room)] as const;
      const first = await publishers[0].publish('first');
      // A fourth node, whose members have to get everything in order.
      await using watching = await watchBy(() => connect(cluster, `cluster-${prefixes}`), room, first.epoch);
      await third.watch([room]);
      let hasEnded = false;
      const load = publishers.map((publisher, index) =>
        publishUntil(
          () => hasEnded,
          (number) => publisher.publish(`by ${index} ${number}`),
        ),
      );
      const { server: home, slot } = await cluster.find(`:m:${room}`);
      const others = cluster.servers.filter((server) => server !== home);
      let from = home;
      const goOn = async (): Promise<void> => {
        const stored = publishers[0].stored.length;
        await vi.waitFor(() => expect(publishers[0].stored.length).toBeGreaterThan(stored + 20), 5_000);
      };
      for (const to of [...others, home]) {
        await cluster.move(slot, from, to, goOn);
        from = to;
        await goOn();
      }
      hasEnded = true;
      await Promise.all(load);
      expect(publishers.flatMap(({ refused, unknown }) => [...refused, ...unknown])).toEqual([]);

      const result = await third.read(room, { epoch: first.epoch, offset: 0 }, page, history);
      expect(result).toMatchObject({ whole: true, from: 0, undone: 0 });
      expect(result.top.epoch).not.toBe(first.epoch);
      const log = await textsAfter(third, room, { epoch: first.epoch, offset: 0 });
      for (const [index, { stored }] of publishers.entries()) {
        const own = stored.map(({ text }) => text);
        expect(log.filter((text) => text.startsWith(`by ${index}`) || (index === 0 && text === 'first'))).toEqual(own);
      }
      await vi.waitFor(() => expect(watching.texts).toHaveLength(log.length), 10_000);
      expect(watching.texts).toEqual(log);

      // Deliveries hold again, also for a node that only watches.
      await vi.waitFor(() => expect(started.notes[2]?.notices.at(-1)).toBe('resumed'), 10_000);
      await publishers[1].publishAll(countTo(5, 'after'));
      await vi.waitFor(() => expect(started.notes[2]?.heardIn(room).slice(-5)).toEqual(countTo(5, 'after')), 5_000);
    });

    it('goes on publishing in a room without history while its slot moves', { timeout: 60_000 }, async () => {
      await using started = await start(2);
      const [writer, watcher] = started.nodes as [Backplane, Backplane];
      const notes = started.notes[1] ?? new BackplaneNotes();
      const room = 'ephemeral';
      // A key by which the slot is found.
      await new Publisher(writer, room).publish('with history');
      await watcher.watch([room]);
      const { server: home, slot } = await cluster.find(`:m:${room}`);
      const say = (text: string): Promise<unknown> =>
        writer.publish(room, [Buffer.from(text)], { history: { size: 0, ttlMs: 0 } });
      let hasEnded = false;
      let count = 0;
      const load = publishUntil(
        () => hasEnded,
        (number) => say(`moving ${(count = number)}`),
      );
      const goOn = async (): Promise<void> => {
        const before = count;
        await vi.waitFor(() => expect(count).toBeGreaterThan(before + 20), 5_000);
      };
      const others = cluster.servers.filter((server) => server !== home);
      let from = home;
      for (const to of [...others, home]) {
        await cluster.move(slot, from, to, goOn);
        from = to;
        await goOn();
      }
      hasEnded = true;
      await load;
      await vi.waitFor(() => expect(notes.notices.at(-1)).toBe('resumed'), 10_000);
      for (const text of countTo(3, 'after')) await say(text);
      await vi.waitFor(() => expect(notes.heardIn(room).slice(-3)).toEqual(countTo(3, 'after')), 5_000);
      expect(new Set(notes.heardIn(room)).size).toBe(notes.heardIn(room).length);
    });

    it('goes on without a master that was killed, and with it when it is back', { timeout: 60_000 }, async () => {
      await using started = await start(2);
      const [writer, watcher] = started.nodes as [Backplane, Backplane];
      const notes = started.notes[1] ?? new BackplaneNotes();
      const rooms = countTo(12, 'room');
      await watcher.watch(rooms);
      const publishers = new Map(rooms.map((room) => [room, new Publisher(writer, room)]));
      const epochs = new Map<string, string>();
      for (const [room, publisher] of publishers) epochs.set(room, (await publisher.publish('before')).epoch);
      const { server } = await cluster.find(':m:room 1');
      const lost: string[] = [];
      for (const room of rooms) if ((await cluster.find(`:m:${room}`)).server === server) lost.push(room);
      expect(lost.length).toBeLessThan(rooms.length);

      const mark = await server.mark();
      for (const room of lost) await publishers.get(room)?.publish('undone');
      await server.kill();
      try {
        await vi.waitFor(() => expect(notes.interruptedRooms.has('room 1')).toBe(true), 10_000);
        // Until the writer has noticed it, too, the outcome is not known.
        await vi.waitFor(async () => {
          const refused = publishers.get('room 1')?.publish('refused');
          await expect(refused).rejects.toMatchObject({ code: 'AWAY', outcome: 'none' });
        }, 10_000);
        expect([...notes.interruptedRooms].sort()).toEqual([...lost].sort());
      } finally {
        await server.restart(mark);
        await cluster.ready();
      }
      for (const room of lost) {
        const after = await publishers.get(room)?.publishAgain('after');
        const result = await watcher.read(room, { epoch: epochs.get(room) ?? '', offset: 2 }, page, history);
        expect(result).toMatchObject({ whole: true, from: 1, undone: 1 });
        expect(after?.offset).toBe(2);
      }
      await vi.waitFor(() => expect(notes.notices.at(-1)).toBe('resumed'), 20_000);
      for (const room of rooms) await publishers.get(room)?.publishAll(countTo(3, 'again'));
      for (const room of rooms) {
        await vi.waitFor(() => expect(notes.heardIn(room).slice(-3)).toEqual(countTo(3, 'again')), 5_000);
      }
    });
  });
});

/** A member of a room, by the hub of a node of its own. */
async function watchBy(
  connect: () => Backplane,
  room: string,
  epoch: string,
): Promise<{ readonly texts: string[] } & AsyncDisposable> {
  const hub = new RoomHub({
    backplane: connect(),
    policyOf: () => ({ history, slow: 'catch-up', maxRecovered: Infinity }),
  });
  await hub.start('hub');
  const texts: string[] = [];
  const member = {
    joined: () => undefined,
    push: (_room: unknown, { item }: Publication) => texts.push(textOf(item)) > 0,
    skipped: () => undefined,
    degraded: () => undefined,
    restored: () => undefined,
  };
  hub.join(room, member, { epoch, offset: 0 });
  return { texts, [Symbol.asyncDispose]: () => hub.close() };
}
