import type { HelloData } from '@holdfast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClient, type StateChange } from '../src/index.js';
import { rooms } from '../src/rooms/index.js';
import type { ScriptedSocket } from './support/scripted-socket.js';
import { codeOf, outcomeOf, settled, World } from './support/world.js';

const drain = { retryAfterMs: 100, windowMs: 100, reason: 'service restart', handoverMs: 5_000 };
const session = { id: 's-1', resumed: true, expiresMs: 120_000 };

/** A client that the server has asked to move. */
class Moving {
  readonly world = new World();
  readonly client = createClient('wss://example.test', {
    WebSocket: this.world.WebSocket,
    ports: this.world.ports,
    rooms: rooms(),
  });
  readonly changes: StateChange[] = [];
  readonly first: ScriptedSocket;

  constructor() {
    this.client.on('$state', (change) => this.changes.push(change));
    this.client.connect();
    this.first = this.world.socket.welcome({ session: { ...session, resumed: false } });
  }

  begin(): this {
    this.first.say('$drain', drain);
    return this;
  }

  /** The connection that is to take over, or has done so. */
  get next(): ScriptedSocket {
    expect(this.world.socket).not.toBe(this.first);
    return this.world.socket;
  }

  get path(): string[] {
    return this.changes.map(({ to, cause }) => `${to} ${cause}`);
  }
}

const eventsOf = (socket: ScriptedSocket): string[] => socket.sent.map(({ event }) => event);

describe('a client that the server asks to move (PROTOCOL.md 10.8)', () => {
  it('opens the next connection at once, goes on there, and says so on the first', async () => {
    const moving = new Moving().begin();
    moving.client.emit('before');
    moving.next.welcome({ connectionId: 'c-2', session });
    moving.client.emit('after');
    expect(moving.client.connectionId).toBe('c-2');
    expect(eventsOf(moving.first)).toEqual(['$hello', 'before', '$moved']);
    expect(eventsOf(moving.next)).toEqual(['$hello', 'after']);
    moving.first.end(1012);
    await settled();
    expect(moving.client.state).toBe('open');
    expect(moving.path).toEqual(['connecting connect', 'open welcome', 'open handover']);
    expect(moving.world.live).toEqual([moving.next]);
  });

  it('calls what is registered for each welcome', async () => {
    const moving = new Moving();
    let welcomes = 0;
    moving.client.onWelcome(() => welcomes++);
    moving.begin().next.welcome({ session });
    await settled();
    expect(welcomes).toBe(2);
  });

  it('gets answers on the connection that it has asked on, and knows which are lost with it', async () => {
    const moving = new Moving();
    const [answered, lost] = [moving.client.request('one'), moving.client.request('two')];
    moving.begin().next.welcome({ session });
    const kept = moving.client.request('three');
    moving.first.say('$reply', 'first', moving.first.sent[1]!.id);
    moving.first.end();
    expect(await outcomeOf(answered)).toBe('first');
    expect(await codeOf(lost)).toBe('CONNECTION_LOST');
    expect(await outcomeOf(kept)).toBe('no answer yet');
    moving.next.say('$reply', 'third', moving.next.sent[1]!.id);
    expect(await outcomeOf(kept)).toBe('third');
  });

  it('tries again while the first connection is open, and waits between attempts', () => {
    const moving = new Moving().begin();
    for (let attempts = 2; attempts < 6; attempts++) {
      expect(moving.world.sockets).toHaveLength(attempts);
      moving.next.end();
      expect(moving.world.sockets).toHaveLength(attempts);
      while (moving.world.sockets.length === attempts) moving.world.clock.advance(50);
    }
    moving.next.welcome({ session });
    expect(moving.path).toEqual(['connecting connect', 'open welcome', 'open handover']);
  });

  it('comes back as after any drain when the first connection ends before', () => {
    const moving = new Moving().begin();
    const attempt = moving.next.accept();
    moving.first.say('$drain', { ...drain, handoverMs: undefined });
    expect(attempt.closedWith).toBe(1000);
    moving.first.end(1012);
    expect(moving.changes.at(-1)).toMatchObject({ to: 'waiting', code: 1012 });
    moving.world.clock.advance(200);
    moving.next.welcome({ session });
    expect(moving.client.state).toBe('open');
    expect(eventsOf(moving.next)).not.toContain('$moved');
  });

  it('makes no more attempts in a minute than without, however often the server asks', () => {
    const world = new World();
    const backoff = { firstMs: 1_000, maxMs: 30_000, stableMs: 10_000 };
    const client = createClient('wss://example.test', { WebSocket: world.WebSocket, ports: world.ports, backoff });
    client.connect();
    world.socket.welcome();
    for (let ms = 0; ms < 60_000; ms += 100) {
      world.socket.welcome();
      world.socket.say('$drain', drain).say('$drain', drain);
      world.clock.advance(100);
    }
    // 1 + 1 + the waits of at most 3, 9, 27 s that fit into a minute where chance is what it is here.
    expect(world.sockets.length).toBeLessThan(14);
    expect(world.sockets.length).toBeGreaterThan(3);
    expect(client.state).toBe('open');
  });

  it('leaves nothing behind when it is closed meanwhile', () => {
    for (const until of ['attempt', 'pause', 'taken over']) {
      const moving = new Moving().begin();
      if (until === 'pause') moving.next.end();
      if (until === 'taken over') moving.next.welcome({ session });
      moving.client.close();
      moving.world.clock.advance(60_000);
      expect(moving.world.live, until).toEqual([]);
    }
  });
});

describe('rooms of a client that moves (PROTOCOL.md 10.9)', () => {
  const name = 'chat/tea';
  const frame = (offset: number, epoch = 'e1'): string =>
    JSON.stringify({ event: 'said', data: offset, room: name, epoch, offset });
  const joined = { room: name, kind: 'log', epoch: 'e1', offset: 0, top: 0, recovered: true, undone: 0 };

  function member() {
    const moving = new Moving();
    const room = moving.client.room<{ said: number }>(name);
    const heard: number[] = [];
    const told: string[] = [];
    room.on('said', (value) => heard.push(value));
    void room.join();
    moving.first.say('$joined', joined, moving.first.sent.at(-1)!.id);
    room.on('$state', (state) => told.push(state));
    for (const event of ['$recovered', '$unrecovered'] as const) room.on(event, () => told.push(event));
    return { moving, room, heard, told };
  }

  it('are announced as moved once the next connection has said where each goes on', () => {
    const { moving } = member();
    moving.begin().next.welcome({ session });
    expect(eventsOf(moving.first)).not.toContain('$moved');
    moving.next.say('$joined', joined);
    expect(eventsOf(moving.first)).toContain('$moved');
  });

  it('deliver each publication once and in order, however the frames of both connections mix', () => {
    const steps = fc.array(fc.constantFrom('publish', 'first', 'next', 'welcome'), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (schedule) => {
        const { moving, heard, told } = member();
        moving.begin();
        let top = 0;
        let [sentOnFirst, sentOnNext] = [0, -1];
        const presented = (): number =>
          (moving.next.sent[0]?.data as HelloData).positions?.find(({ room }) => room === name)?.offset ?? 0;
        for (const step of [...schedule, 'publish', 'welcome', 'next', 'first']) {
          if (step === 'publish') top++;
          else if (step === 'first') while (sentOnFirst < top) moving.first.sayRaw(frame(++sentOnFirst));
          else if (step === 'next') while (sentOnNext >= 0 && sentOnNext < top) moving.next.sayRaw(frame(++sentOnNext));
          else if (sentOnNext < 0) {
            moving.next.welcome({ session });
            sentOnNext = presented();
            moving.next.say('$joined', { ...joined, offset: sentOnNext, top });
          }
        }
        expect(heard).toEqual(Array.from({ length: top }, (_, index) => index + 1));
        expect(told).toEqual([]);
      }),
    );
  });

  it('go by the present connection where it says something else than the first', () => {
    const { moving, room, heard } = member();
    moving.begin().next.welcome({ session });
    moving.next.say('$joined', { ...joined, epoch: 'e2', offset: 3, top: 3, undone: 0 });
    moving.first.sayRaw(frame(1));
    for (const event of ['$left', '$degraded']) moving.first.say(event, { room: name, reason: 'forbidden' });
    moving.first.say('$skip', { room: name, offset: 9, dropped: 6 });
    expect([room.state, room.position, heard]).toEqual(['joined', { epoch: 'e2', offset: 3 }, []]);
  });

  it('without history are delivered by one connection at a time', () => {
    const { moving, heard } = member();
    const said = (value: number): string => JSON.stringify({ event: 'said', data: value, room: name });
    moving.begin().next.welcome({ session });
    moving.first.sayRaw(said(1));
    moving.next.say('$joined', { room: name, kind: 'ephemeral', recovered: true });
    moving.first.sayRaw(said(2));
    moving.next.sayRaw(said(2));
    expect(heard).toEqual([1, 2]);
  });

  it('that are joined or left between $hello and $welcome end as the application wants', async () => {
    const { moving, room } = member();
    moving.begin().next.accept();
    room.leave();
    const other = moving.client.room('chat/other');
    const joining = other.join();
    const [leave, join] = moving.first.sent.slice(-2);
    expect([leave?.event, join?.event]).toEqual(['$leave', '$join']);
    moving.first.say('$left', { room: name }, leave!.id);
    await settled();
    moving.next.welcome({ session });
    moving.next.say('$joined', joined);
    const asked = moving.next.sent.find(({ event }) => event === '$join');
    expect(asked?.data).toMatchObject({ room: 'chat/other' });
    expect(moving.next.sent.filter(({ event }) => event === '$leave')).toHaveLength(1);
    moving.first.say('$joined', { ...joined, room: 'chat/other' }, join!.id);
    expect(other.state).toBe('joining');
    moving.next.say('$joined', { ...joined, room: 'chat/other' }, asked!.id);
    await joining;
    expect([room.state, other.state]).toEqual(['left', 'joined']);
  });
});
