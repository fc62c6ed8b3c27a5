import type { JoinedData } from '@holdfast/protocol';
import { describe, expect, it } from 'vitest';
import { createClient } from '../src/index.js';
import { type Room, type RoomPosition, type RoomPublication, rooms } from '../src/rooms/index.js';
import type { ScriptedSocket } from './support/scripted-socket.js';
import { codeOf, settled, World } from './support/world.js';

const name = 'orders/42';

interface OrderEvents {
  shipped: { n: number };
}

/** A client with one room, and all that the room has told. */
class RoomUnderTest {
  readonly world = new World();
  readonly client = createClient('wss://example.test', {
    WebSocket: this.world.WebSocket,
    ports: this.world.ports,
    rooms: rooms(),
  });
  readonly room: Room<OrderEvents> = this.client.room<OrderEvents>(name);
  readonly told: unknown[] = [];

  constructor() {
    this.room.on('$state', (state) => this.told.push(state));
    this.room.on('shipped', ({ n }, { recovered }) => this.told.push(recovered ? `${n} again` : n));
    for (const event of ['$recovered', '$unrecovered', '$undone', '$skipped'] as const) {
      this.room.on(event, (data: object) => this.told.push([event, data]));
    }
  }

  get socket(): ScriptedSocket {
    return this.world.socket;
  }

  open(): this {
    this.client.connect();
    this.socket.welcome();
    return this;
  }

  /** The last `$join`. */
  get asked(): { id: number; since?: RoomPosition } | undefined {
    const last = this.socket.sent.findLast(({ event }) => event === '$join');
    // Safe: that is what the client sends.
    return last && { id: last.id as number, ...(last.data as { since?: RoomPosition }) };
  }

  joined(data: Partial<JoinedData> = {}): this {
    const joined = { room: name, kind: 'log', epoch: 'e1', offset: 0, top: 0, recovered: true, undone: 0, ...data };
    this.socket.say('$joined', joined, this.asked?.id);
    return this;
  }

  publish(offset: number, more: object = {}): this {
    const frame = { event: 'shipped', data: { n: offset }, room: name, epoch: 'e1', offset, ...more };
    this.socket.sayRaw(JSON.stringify(frame));
    return this;
  }

  /** Loses the connection, and gets another one. */
  comeBack(): this {
    this.socket.end();
    this.world.clock.advance(5_000);
    this.socket.welcome();
    return this;
  }

  /** What was told since the last call. */
  heard(): unknown[] {
    return this.told.splice(0);
  }
}

async function member(): Promise<RoomUnderTest> {
  const tested = new RoomUnderTest().open();
  const joining = tested.room.join();
  tested.joined();
  await joining;
  tested.heard();
  return tested;
}

describe('a room', () => {
  it('is joined once there is a connection, and delivers in order', async () => {
    const tested = new RoomUnderTest();
    const joining = tested.room.join();
    expect(tested.room.state).toBe('joining');
    tested.open();
    expect(tested.asked).toEqual({ id: 1, room: name });
    tested.joined({ offset: 7, top: 7 });
    await joining;
    expect(tested.room.position).toEqual({ epoch: 'e1', offset: 7 });
    tested.publish(8).publish(9);
    expect(tested.heard()).toEqual(['joining', 'joined', 8, 9]);
    expect(tested.room.position).toEqual({ epoch: 'e1', offset: 9 });
  });

  it('finds what follows in the same read as the answer', async () => {
    const tested = new RoomUnderTest().open();
    const joining = tested.room.join();
    tested.joined().publish(1).publish(2);
    await joining;
    expect(tested.heard()).toEqual(['joining', 'joined', 1, 2]);
  });

  it('goes on where it stopped after a reconnect, and tells how much was missed (17.5)', async () => {
    const tested = await member();
    tested.publish(1).comeBack();
    expect(tested.asked?.since).toEqual({ epoch: 'e1', offset: 1 });
    tested.joined({ offset: 1, top: 3 }).publish(2).publish(3).publish(4);
    expect(tested.heard()).toEqual([
      1,
      'joining',
      'recovering',
      '2 again',
      '3 again',
      'joined',
      ['$recovered', { count: 2 }],
      4,
    ]);
  });

  it('has missed nothing when nothing was published', async () => {
    const tested = await member();
    tested.comeBack().joined();
    expect(tested.heard()).toEqual(['joining', 'joined']);
  });

  it('tells what cannot be recovered, and goes on after it', async () => {
    const tested = await member();
    tested.comeBack().joined({ recovered: false, reason: 'trimmed', epoch: 'e2', offset: 50, top: 50 });
    tested.publish(51, { epoch: 'e2' });
    const position = { epoch: 'e2', offset: 50 };
    expect(tested.heard()).toEqual(['joining', ['$unrecovered', { reason: 'trimmed', position }], 'joined', 51]);
  });

  it('tells what the server has lost', async () => {
    const tested = await member();
    tested.publish(1).publish(2);
    tested.comeBack().joined({ epoch: 'e2', offset: 1, top: 1, undone: 1 }).publish(2, { epoch: 'e2' });
    expect(tested.heard()).toEqual([1, 2, 'joining', ['$undone', { count: 1 }], 'joined', 2]);
  });

  it('drops what it has (17.10)', async () => {
    const tested = await member();
    tested.publish(1).publish(1).publish(2).publish(1).publish(2);
    expect(tested.heard()).toEqual([1, 2]);
  });

  it.each([
    ['another offset than the next', { offset: 3 }],
    ['another epoch', { offset: 2, epoch: 'e9' }],
  ])('asks for what is missing when a publication has %s, and delivers nothing before (17.10)', async (_, more) => {
    const tested = await member();
    tested
      .publish(1)
      .publish(more.offset, more)
      .publish(more.offset + 1, more);
    expect(tested.heard()).toEqual([1, 'recovering']);
    const before = tested.asked?.id;
    tested.world.clock.advance(1_000);
    expect(tested.asked?.id).toBeGreaterThan(before ?? 0);
    expect(tested.asked?.since).toEqual({ epoch: 'e1', offset: 1 });
    tested.joined({ offset: 1, top: 3 }).publish(2).publish(3);
    expect(tested.heard()).toEqual(['2 again', '3 again', 'joined', ['$recovered', { count: 2 }]]);
  });

  it('misses nothing where the server ends at its position, whatever the server goes on from', async () => {
    const tested = await member();
    tested.publish(1);
    tested.comeBack().joined({ recovered: false, reason: 'trimmed', offset: 1, top: 1 });
    expect(tested.heard()).toEqual([1, 'joining', 'joined']);
  });

  it('skips what is not for it, and tells what was dropped (17.7)', async () => {
    const tested = await member();
    tested.publish(1);
    tested.socket.say('$skip', { room: name, offset: 2 });
    tested.publish(3);
    tested.socket.say('$skip', { room: name, offset: 9, dropped: 6 });
    tested.publish(10);
    expect(tested.heard()).toEqual([1, 3, ['$skipped', { count: 6 }], 10]);
  });

  it('delivers a publication to several rooms once', async () => {
    const tested = await member();
    const other = tested.client.room('orders/43');
    other.on('shipped', () => tested.told.push('other'));
    const joining = other.join();
    tested.joined({ room: 'orders/43' });
    await joining;
    tested.publish(1, { publication: 'p1' }).publish(1, { room: 'orders/43', publication: 'p1' });
    tested.publish(2, { room: 'orders/43', publication: 'p2' });
    expect(tested.heard()).toEqual([1, 'other']);
  });

  it('in which only the newest publication counts may miss some', async () => {
    const tested = new RoomUnderTest().open();
    const joining = tested.room.join();
    tested.joined({ kind: 'latest', offset: 4, top: 5 }).publish(5).publish(9);
    await joining;
    expect(tested.heard()).toEqual(['joining', 'joined', 5, 9]);
  });

  it('without history has no positions, and no repeats to drop', async () => {
    const tested = new RoomUnderTest().open();
    const joining = tested.room.join();
    tested.socket.say('$joined', { room: name, kind: 'ephemeral', recovered: true, undone: 0 }, tested.asked?.id);
    await joining;
    const none = { epoch: undefined, offset: undefined };
    tested.publish(1, none).publish(1, none);
    expect(tested.heard()).toEqual(['joining', 'joined', 1, 1]);
    expect(tested.room.position).toBeUndefined();
    tested.comeBack();
    expect(tested.asked?.since).toBeUndefined();
  });

  it('is refused by the server, and can be asked for again', async () => {
    const tested = new RoomUnderTest().open();
    const joining = tested.room.join();
    tested.socket.say('$error', { code: 'FORBIDDEN', message: 'No' }, tested.asked?.id);
    expect(await codeOf(joining)).toBe('FORBIDDEN');
    expect(tested.heard()).toEqual(['joining', 'refused']);
    tested.comeBack();
    expect(tested.asked).toBeUndefined();
    const again = tested.room.join();
    tested.joined();
    await again;
    expect(tested.room.state).toBe('joined');
  });

  it.each(['UNAVAILABLE', 'RATE_LIMITED', 'HANDLER_TIMEOUT'])('asks again after %s', async (code) => {
    const tested = new RoomUnderTest().open();
    const joining = tested.room.join();
    const first = tested.asked?.id;
    tested.socket.say('$error', { code, message: 'Not now' }, first);
    await settled();
    tested.world.clock.advance(1_000);
    expect(tested.asked?.id).not.toBe(first);
    tested.joined();
    await joining;
    expect(tested.heard()).toEqual(['joining', 'joined']);
  });

  it('that is left hears nothing more, and is not joined again', async () => {
    const tested = await member();
    tested.room.leave();
    expect(tested.socket.sent.at(-1)).toMatchObject({ event: '$leave', data: { room: name } });
    tested.publish(1).comeBack();
    expect(tested.asked).toBeUndefined();
    expect(tested.heard()).toEqual(['left']);
  });

  it('that is left while joining rejects', async () => {
    const tested = new RoomUnderTest();
    const joining = tested.room.join();
    tested.room.leave();
    expect(await codeOf(joining)).toBe('CLOSED');
  });

  it('from which the server removes the client before it has decided is left (17.6)', async () => {
    const tested = new RoomUnderTest().open();
    const joining = tested.room.join();
    tested.socket.say('$left', { room: name }, tested.asked?.id);
    expect(await codeOf(joining)).toBe('CLOSED');
    expect(tested.heard()).toEqual(['joining', 'left']);
  });

  it('that is left and joined again at once waits for the answer to the second request', async () => {
    const tested = new RoomUnderTest().open();
    const first = tested.room.join();
    const firstId = tested.asked?.id;
    tested.room.leave();
    expect(await codeOf(first)).toBe('CLOSED');
    const second = tested.room.join();
    tested.socket.say('$left', { room: name }, firstId);
    await settled();
    expect(tested.room.state).toBe('joining');
    tested.joined();
    await second;
    expect(tested.room.state).toBe('joined');
  });

  it('that is left while the client is welcomed can be joined again', async () => {
    const tested = await member();
    tested.socket.end();
    tested.world.clock.advance(5_000);
    tested.socket.accept();
    tested.room.leave();
    tested.socket.welcome({ session: { id: 's', resumed: true, expiresMs: 1 } });
    tested.socket.say('$joined', {
      room: name,
      kind: 'log',
      epoch: 'e1',
      offset: 0,
      top: 0,
      recovered: true,
      undone: 0,
    });
    expect(tested.socket.sent.at(-1)).toMatchObject({ event: '$leave' });
    const before = tested.asked?.id;
    const joining = tested.room.join();
    expect(tested.asked?.id).not.toBe(before);
    tested.joined();
    await joining;
  });

  it('from which the server has removed the client is left', async () => {
    const tested = await member();
    tested.socket.say('$left', { room: name });
    expect(tested.room.state).toBe('left');
  });

  it('is degraded while the server says so', async () => {
    const tested = await member();
    tested.socket.say('$degraded', { room: name });
    tested.publish(1);
    tested.socket.say('$restored', { room: name });
    expect(tested.heard()).toEqual(['degraded', 1, 'joined']);
  });

  it('starts at a position of the application', () => {
    const tested = new RoomUnderTest().open();
    void tested.room.join({ since: { epoch: 'e1', offset: 12 } });
    expect(tested.asked?.since).toEqual({ epoch: 'e1', offset: 12 });
    tested.joined({ offset: 12, top: 13 }).publish(13);
    expect(tested.heard()).toEqual(['joining', 'recovering', '13 again', 'joined', ['$recovered', { count: 1 }]]);
  });

  it('is one object for each name, and leaves events of no room, and of rooms that nobody has asked for, to the client', async () => {
    const tested = await member();
    expect(tested.client.room(name)).toBe(tested.room);
    tested.client.on('shipped', () => tested.told.push('client'));
    tested.publish(1).publish(1, { room: undefined });
    tested.publish(1, { room: 'orders/unknown' });
    expect(tested.heard()).toEqual([1, 'client', 'client']);
  });

  it('leaves no timer when its client is closed', async () => {
    const tested = await member();
    tested.publish(5);
    tested.client.close();
    expect(tested.world.clock.pending).toBe(0);
    expect(tested.room.state).toBe('joining');
  });
});

describe('publications in a loop', () => {
  it('come in order, also those that waited, and end when the room is left', async () => {
    const tested = await member();
    const loop = tested.room[Symbol.asyncIterator]();
    tested.publish(1).publish(2);
    const seen: RoomPublication[] = [];
    const done = (async () => {
      for await (const publication of loop) seen.push(publication);
    })();
    await settled();
    tested.publish(3);
    await settled();
    tested.room.leave();
    await done;
    expect(seen.map(({ offset }) => offset)).toEqual([1, 2, 3]);
    expect(seen[0]).toEqual({ event: 'shipped', data: { n: 1 }, epoch: 'e1', offset: 1, recovered: false });
  });

  it('fail when too many wait, and not before', async () => {
    const tested = await member();
    const loop = tested.room[Symbol.asyncIterator]();
    for (let n = 1; n <= 1_001; n++) tested.publish(n);
    for (let n = 1; n <= 1_001; n++) expect(await loop.next()).toMatchObject({ value: { offset: n } });
    await expect(loop.next()).rejects.toMatchObject({ code: 'OUTBOX_FULL' });
  });

  it('are not kept for a loop that was left', async () => {
    const tested = await member();
    const loop = tested.room[Symbol.asyncIterator]();
    await loop.return?.();
    tested.publish(1);
    expect(await loop.next()).toEqual({ done: true, value: undefined });
  });
});
