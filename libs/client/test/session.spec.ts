import { afterEach, describe, expect, it, vi } from 'vitest';
import { createClient, type HoldfastClient, type RoomsApi } from '../src/index.js';
import { type ClientSession, rooms, type RoomsOptions } from '../src/rooms/index.js';
import type { ScriptedSocket } from './support/scripted-socket.js';
import { settled, World } from './support/world.js';

const session = { id: 's1', resumed: false, expiresMs: 120_000 };

/** A client that writes down what its rooms tell. */
class Returning {
  readonly world = new World();
  readonly client: HoldfastClient & RoomsApi;
  readonly told: unknown[] = [];

  constructor(options?: RoomsOptions) {
    const { WebSocket, ports } = this.world;
    this.client = createClient('wss://example.test', { WebSocket, ports, rooms: rooms(options) });
  }

  get socket(): ScriptedSocket {
    return this.world.socket;
  }

  get hello(): unknown {
    return this.socket.sent.find(({ event }) => event === '$hello')?.data;
  }

  open(welcome: object = { session }): this {
    this.client.connect();
    this.socket.welcome(welcome);
    return this;
  }

  comeBack(welcome: object = { session: { ...session, resumed: true } }): this {
    this.socket.end();
    this.world.clock.advance(5_000);
    this.socket.welcome(welcome);
    return this;
  }

  follow(name: string): this {
    const room = this.client.room(name);
    room.on('$state', (state) => this.told.push(`${name} ${state}`));
    room.on('$unrecovered', ({ reason }) => this.told.push(`${name} unrecovered ${reason}`));
    room.on('said', (data) => this.told.push(`${name} ${String(data)}`));
    return this;
  }

  joined(room: string, offset = 0, more: object = {}): this {
    this.socket.say('$joined', { room, kind: 'log', epoch: 'e', offset, top: offset, recovered: true, ...more });
    return this;
  }

  publish(room: string, offset: number): this {
    this.socket.sayRaw(JSON.stringify({ event: 'said', data: offset, room, offset, epoch: 'e' }));
    return this;
  }

  sent(event: string): unknown[] {
    return this.socket.sent.filter((frame) => frame.event === event).map(({ data }) => data);
  }
}

describe('a client with rooms', () => {
  it('asks for a session, and presents it with its positions when it comes back (18.1, 18.2)', () => {
    const tested = new Returning().open();
    expect(tested.hello).toEqual({ session: null, positions: [] });
    tested.joined('log/1').publish('log/1', 1).comeBack();
    expect(tested.hello).toEqual({ session: 's1', positions: [{ room: 'log/1', epoch: 'e', offset: 1 }] });
  });

  it('waits for what the server says of the rooms that it has presented', () => {
    const tested = new Returning().follow('log/1').open().joined('log/1', 4).comeBack();
    tested.joined('log/1', 4, { top: 5 }).publish('log/1', 5);
    expect(tested.sent('$join')).toEqual([]);
    expect(tested.told).toEqual(['log/1 joined', 'log/1 joining', 'log/1 recovering', 'log/1 5', 'log/1 joined']);
  });

  it('asks for its rooms where the server offers no session', async () => {
    const tested = new Returning().open({});
    void tested.client.room('log/1').join();
    tested.joined('log/1', 4).comeBack({});
    expect(tested.hello).toEqual({ session: null, positions: [{ room: 'log/1', epoch: 'e', offset: 4 }] });
    expect(tested.sent('$join')).toEqual([{ room: 'log/1', since: { epoch: 'e', offset: 4 } }]);
    await settled();
  });

  it('asks for a room that was wanted after the hello', () => {
    const tested = new Returning();
    tested.client.connect();
    tested.socket.accept();
    void tested.client.room('log/1').join();
    tested.socket.say('$welcome', {
      connectionId: 'c',
      heartbeat: { intervalMs: 0, graceMs: 0 },
      limits: { maxPayloadBytes: 99 },
      session,
    });
    expect(tested.sent('$join')).toEqual([{ room: 'log/1' }]);
  });

  it.each([
    ['forbidden', ['log/1 refused']],
    ['session', ['log/1 unrecovered session', 'log/1 left']],
  ])('is told that it is no member any more: %s (18.6)', (reason, told) => {
    const tested = new Returning().follow('log/1').open().joined('log/1').comeBack();
    tested.told.splice(0);
    tested.socket.say('$left', { room: 'log/1', reason });
    expect(tested.told).toEqual(told);
    tested.comeBack();
    expect(tested.hello).toEqual({ session: 's1', positions: [] });
  });

  it('asks for a room that could not be decided about (18.6)', () => {
    const tested = new Returning().follow('log/1').open().joined('log/1', 3).comeBack();
    tested.socket.say('$left', { room: 'log/1', reason: 'failed' });
    tested.world.clock.advance(1_000);
    expect(tested.sent('$join')).toEqual([{ room: 'log/1', since: { epoch: 'e', offset: 3 } }]);
  });

  it('does not present a session that another connection has taken over (18.7)', () => {
    const tested = new Returning().open().joined('log/1');
    tested.socket.end(4409);
    expect(tested.client.state).toBe('failed');
    tested.client.connect();
    tested.socket.welcome({ session: { ...session, id: 's2' } });
    expect(tested.hello).toEqual({ session: null, positions: [{ room: 'log/1', epoch: 'e', offset: 0 }] });
  });

  it('leaves a room that the server restores, but that it has left meanwhile', () => {
    const tested = new Returning().follow('log/1').open().joined('log/1');
    tested.socket.end();
    tested.client.room('log/1').leave();
    tested.world.clock.advance(5_000);
    tested.socket.welcome({ session: { ...session, resumed: true } });
    expect(tested.hello).toEqual({ session: 's1', positions: [] });
    tested.joined('log/1').publish('log/1', 1);
    expect(tested.sent('$leave')).toEqual([{ room: 'log/1' }]);
    expect(tested.told).toEqual(['log/1 joined', 'log/1 joining', 'log/1 left']);
  });

  it('is in a room again that the server joins after it has left', async () => {
    const tested = new Returning().follow('log/1').open().joined('log/1');
    tested.client.room('log/1').leave();
    tested.socket.say('$left', { room: 'log/1' }, tested.socket.sent.at(-1)?.id);
    await settled();
    tested.joined('log/1', 5).publish('log/1', 6);
    expect(tested.told).toEqual(['log/1 joined', 'log/1 left', 'log/1 joined', 'log/1 6']);
    expect(tested.sent('$leave')).toHaveLength(1);
  });

  it('is in a room that the server joins in a new session, which knows nothing of the leaving', () => {
    const tested = new Returning().follow('log/1').open().joined('log/1');
    tested.socket.end();
    tested.client.room('log/1').leave();
    tested.world.clock.advance(5_000);
    tested.socket.welcome({ session: { ...session, id: 's2' } });
    tested.joined('log/1', 7).publish('log/1', 8);
    expect(tested.told.slice(-2)).toEqual(['log/1 joined', 'log/1 8']);
    expect(tested.sent('$leave')).toEqual([]);
  });

  it('gets what lies between its position and a join of the server that does not know it', () => {
    const stored = { id: 's1', rooms: { 'log/1': { epoch: 'e', offset: 2, isOfServer: false } } };
    const tested = new Returning({ session: stored }).follow('log/1').open();
    tested.joined('log/1', 4).publish('log/1', 5);
    tested.world.clock.advance(1_000);
    expect(tested.sent('$join')).toEqual([{ room: 'log/1', since: { epoch: 'e', offset: 2 } }]);
    const id = tested.socket.sent.at(-1)?.id;
    tested.socket.say('$joined', { room: 'log/1', kind: 'log', epoch: 'e', offset: 2, top: 5, recovered: true }, id);
    for (const offset of [3, 4, 5]) tested.publish('log/1', offset);
    expect(tested.told).toEqual(['log/1 recovering', 'log/1 3', 'log/1 4', 'log/1 5', 'log/1 joined']);
  });

  it('drops what it has of rooms that nobody has asked for, and gives the rest to its listeners', () => {
    const tested = new Returning();
    tested.client.on('said', (data) => tested.told.push(data));
    tested.open().joined('log/1').publish('log/1', 1).publish('log/1', 1).publish('log/1', 2);
    expect(tested.told).toEqual([1, 2]);
  });

  it.each([
    ['an offset that is no number', { offset: '5' }],
    ['a negative offset', { offset: -1 }],
    ['an offset beyond 2^53', { offset: 2 ** 53 }],
    ['an epoch that is no string', { epoch: 5 }],
    ['a top that is no number', { top: {} }],
    ['an offset that is null', { offset: null }],
  ])('uses nothing that has %s', (_, more) => {
    const tested = new Returning().follow('log/1').open().joined('log/1', 1);
    const before = tested.client.room('log/1').position;
    tested.joined('log/1', 1, more);
    if (!('top' in more)) {
      tested.socket.sayRaw(JSON.stringify({ event: 'said', data: 9, room: 'log/1', offset: 2, epoch: 'e', ...more }));
    }
    expect(tested.client.room('log/1').position).toEqual(before);
    expect(tested.told).toEqual(['log/1 joined']);
  });
});

describe('client.session', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('lets another client go on, in the rooms of the server and in its own', () => {
    const first = new Returning().open().joined('log/1', 3);
    void first.client.room('log/2').join();
    const id = first.socket.sent.findLast(({ event }) => event === '$join')?.id;
    first.socket.say('$joined', { room: 'log/2', kind: 'log', epoch: 'f', offset: 8, recovered: true }, id);
    // Safe: what has gone through JSON is what it was.
    const stored = JSON.parse(JSON.stringify(first.client.session)) as ClientSession;
    const second = new Returning({ session: stored });
    void second.client.room('log/2').join();
    second.open();
    expect(second.hello).toEqual({
      session: 's1',
      positions: [
        { room: 'log/1', epoch: 'e', offset: 3 },
        { room: 'log/2', epoch: 'f', offset: 8 },
      ],
    });
  });

  it('does not bring back a room that the page does not ask for any more', () => {
    const stored = { id: 's1', rooms: { 'log/2': { epoch: 'f', offset: 8, isOfServer: false } } };
    const second = new Returning({ session: stored }).open();
    expect(second.hello).toEqual({ session: 's1', positions: [] });
  });

  it('is not there without a session of the server', () => {
    expect(new Returning().open({}).client.session).toBeUndefined();
  });

  it.each([
    ['nothing', null],
    ['no JSON', '{'],
    ['null', 'null'],
  ])('begins anew where the storage has %s', (_, text) => {
    const storage = { getItem: () => text, setItem: () => undefined, removeItem: () => undefined };
    vi.stubGlobal('addEventListener', () => undefined);
    expect(new Returning({ storage }).open().hello).toEqual({ session: null, positions: [] });
  });
});
