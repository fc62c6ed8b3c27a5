import { ManualClock, seededRandom } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { type History, MemoryBackplane, MemoryBroker } from '../src/index.js';

const page = { items: 1_000, bytes: 1_000_000 };
const history: History = { size: 100, ttlMs: 1_000 };
const sink = {
  publication: () => undefined,
  command: () => undefined,
  interrupted: () => undefined,
  resumed: () => undefined,
};

async function start(options: ConstructorParameters<typeof MemoryBroker>[0] = {}) {
  const clock = new ManualClock();
  const broker = new MemoryBroker({ clock, random: seededRandom(1), ...options });
  const backplane = new MemoryBackplane(broker);
  await backplane.start('node', sink);
  const publish = (room: string, bytes: number, kept = history) =>
    backplane.publish(room, [new Uint8Array(bytes)], { history: kept });
  return { clock, broker, backplane, publish };
}

describe('the memory of the memory engine', () => {
  it('counts what rooms, items and keys take, and counts it back', async () => {
    const { clock, broker, backplane, publish } = await start({ roomIdleMs: 60_000 });
    await publish('room', 500);
    const one = broker.bytes;
    expect(one).toBeGreaterThan(500);
    await publish('room', 500);
    expect(broker.bytes - one).toBeGreaterThan(500);
    const once = { key: 'k', windowMs: 1_000 };
    const before = broker.bytes;
    await backplane.publish('room', [new Uint8Array(0)], { history, once });
    expect(broker.bytes).toBeGreaterThan(before);
    clock.advance(31_000);
    expect(broker.bytes).toBeLessThan(one);
    expect(broker.rooms).toBe(1);
    clock.advance(120_000);
    expect([broker.rooms, broker.bytes]).toEqual([0, 0]);
  });

  it('refuses what is too much, and takes it when there is room again', async () => {
    const { clock, broker, publish } = await start({ maxBytes: 20_000 });
    await publish('room', 18_000);
    const before = broker.bytes;
    await expect(publish('room', 2_000)).rejects.toMatchObject({ code: 'FULL', outcome: 'none', stage: 'publish' });
    expect(broker.bytes).toBe(before);
    clock.advance(1_001);
    expect((await publish('room', 18_000)).first?.offset).toBe(2);
  });

  it('does not refuse to a full history what takes the place of something else', async () => {
    const { publish } = await start({ maxBytes: 20_000 });
    const two: History = { size: 2, ttlMs: 60_000 };
    for (let count = 1; count <= 10; count++) {
      expect((await publish('room', 9_000, two)).first?.offset).toBe(count);
    }
  });

  it('refuses more rooms than fit, to readers as to publishers', async () => {
    const { backplane, publish } = await start({ maxBytes: 1_000 });
    await publish('a', 1);
    await publish('b', 1);
    await expect(backplane.read('c', null, page, history)).rejects.toMatchObject({ code: 'FULL', stage: 'read' });
    await expect(publish('c', 1)).rejects.toMatchObject({ code: 'FULL' });
    await expect(publish('c', 1, { size: 0, ttlMs: 0 })).resolves.toMatchObject({ first: null });
  });

  it('keeps of a history what fits its bytes, the newest item whatever its size', async () => {
    const { backplane, publish } = await start();
    const small: History = { size: 100, ttlMs: 60_000, maxBytes: 1_000 };
    const { first } = await publish('room', 400, small);
    for (let count = 0; count < 5; count++) await publish('room', 400, small);
    const epoch = first?.epoch ?? '';
    expect(await backplane.read('room', { epoch, offset: 3 }, page, small)).toMatchObject({ reason: 'trimmed' });
    expect(await backplane.read('room', { epoch, offset: 4 }, page, small)).toMatchObject({ whole: true });
    await publish('room', 2_000, small);
    expect(await backplane.read('room', { epoch, offset: 6 }, page, small)).toMatchObject({ whole: true });
  });

  it('lets histories age by time that passes, not by the wall clock', async () => {
    const { backplane, publish, clock } = await start();
    const { first, at } = await publish('room', 1);
    expect(at).toBe(clock.wallNow());
    const epoch = first?.epoch ?? '';
    clock.advance(999);
    expect(await backplane.read('room', { epoch, offset: 0 }, page, history)).toMatchObject({ whole: true });
    clock.advance(1);
    expect(await backplane.read('room', { epoch, offset: 0 }, page, history)).toMatchObject({ reason: 'trimmed' });
    expect(await backplane.read('room', { epoch, offset: 1 }, page, history)).toMatchObject({ whole: true });
  });

  it('keeps rooms that are used, and gives one that was forgotten a new epoch', async () => {
    const { clock, broker, publish } = await start({ roomIdleMs: 100_000 });
    const { first } = await publish('room', 1);
    clock.advance(90_000);
    expect((await publish('room', 1)).first?.epoch).toBe(first?.epoch);
    clock.advance(90_000);
    expect(broker.rooms).toBe(1);
    clock.advance(140_000);
    expect(broker.rooms).toBe(0);
    expect((await publish('room', 1)).first).toMatchObject({ offset: 1 });
    expect((await publish('room', 1)).first?.epoch).not.toBe(first?.epoch);
  });

  it('takes no more sessions than allowed, and forgets those that have expired', async () => {
    const { clock, backplane } = await start({ maxSessions: 2 });
    const create = (id: string) => backplane.sessions.create({ id, principal: 'alice', node: 'node', idleMs: 10_000 });
    await create('a');
    await create('b');
    await expect(create('c')).rejects.toMatchObject({ stage: 'session', code: 'FULL', outcome: 'none' });
    clock.advance(100_000);
    await create('c');
    await create('d');
  });
});

describe('nodes on one broker', () => {
  it('have names of their own, and may take one again that has closed', async () => {
    const { broker, backplane } = await start();
    const other = new MemoryBackplane(broker);
    await expect(other.start('node', sink)).rejects.toMatchObject({ stage: 'connect', code: 'REFUSED' });
    await backplane.close();
    await other.start('node', sink);
    await other.close();
  });

  it('share one timer, which begins with the first room and ends with the last of them', async () => {
    const { clock, broker, backplane } = await start();
    const other = new MemoryBackplane(broker);
    await other.start('other', sink);
    // There is nothing that could expire.
    expect(clock.pending).toBe(0);
    await other.publish('room', [new Uint8Array(1)], { history });
    expect(clock.pending).toBe(1);
    await backplane.close();
    expect(clock.pending).toBe(1);
    await other.close();
    expect(clock.pending).toBe(0);
  });

  it('need no broker when there is one node', async () => {
    const backplane = new MemoryBackplane({ maxBytes: 100_000 });
    await backplane.start('node', sink);
    expect(await backplane.publish('room', [new Uint8Array(1)], { history })).toMatchObject({ first: { offset: 1 } });
    expect(backplane.durability).toEqual({ kind: 'process', loseMs: 0, warnings: [] });
    await backplane.close();
  });
});
