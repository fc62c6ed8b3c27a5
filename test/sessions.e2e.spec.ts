import { ConnectionRegistry, Counters } from '@holdfast/gateway';
import { ManualClock, type TestClient } from '@holdfast/testing';
import { describe, expect, it } from 'vitest';
import { expectNoCrash } from './support/dispatch.js';
import { join } from './support/rooms.js';
import { answerOf, presented, sessionOf, startSessions, type SessionsApp } from './support/sessions.js';
import { tokenOf } from './support/tokens.js';

expectNoCrash();

/** Ends a connection without a close frame, and waits until the server knows. */
async function cut(sut: SessionsApp, client: TestClient): Promise<void> {
  const left = new Promise((resolve) => sut.app.app.get(ConnectionRegistry).on('left', resolve));
  client.terminate();
  await left;
}

const counted = (sut: SessionsApp): Record<string, number> =>
  Object.fromEntries([...sut.app.app.get(Counters).of('session')]);

describe('PROTOCOL 18.1: a session', () => {
  it('is offered to a client that asks for one, and to no other', async () => {
    await using sut = await startSessions();
    await using asking = await sut.connect();
    expect(sessionOf(asking)).toEqual({ id: expect.any(String) as string, resumed: false, expiresMs: 120_000 });
    expect(sessionOf(asking).id).toMatch(/^[\w-]{22}$/);
    await using other = await sut.connect({});
    expect(sessionOf(other)).toBeUndefined();
  });

  it('is not offered where sessions are off, and rooms work without', async () => {
    await using sut = await startSessions({ sessions: { resumableMs: 0 } });
    await using client = await sut.connect({ session: 'x', positions: [{ room: 'chat/1' }] });
    expect(sessionOf(client)).toBeUndefined();
    expect(await join(client, 'chat/1')).toMatchObject({ recovered: true });
  });

  it.each([
    ['a number', { session: 5 }],
    ['an empty string', { session: '' }],
    ['too long a string', { session: 'x'.repeat(129) }],
    ['positions that are no list', { session: null, positions: {} }],
    ['a position without a room', { session: null, positions: [{ epoch: 'e', offset: 1 }] }],
    ['an epoch without an offset', { session: null, positions: [{ room: 'log/1', epoch: 'e' }] }],
    ['an offset without an epoch', { session: null, positions: [{ room: 'log/1', offset: 1 }] }],
    ['a negative offset', { session: null, positions: [{ room: 'log/1', epoch: 'e', offset: -1 }] }],
    ['an offset beyond 2^53', { session: null, positions: [{ room: 'log/1', epoch: 'e', offset: 2 ** 53 }] }],
    ['too many positions', { session: null, positions: Array.from({ length: 1_001 }, () => ({ room: 'a' })) }],
  ])('is refused to a client that presents %s', async (_, hello) => {
    await using sut = await startSessions();
    await expect(sut.connect(hello)).rejects.toMatchObject({ closeCode: 4400 });
  });
});

describe('PROTOCOL 18.5: a client that returns', () => {
  it('is in the rooms that the server had joined it to, and gets what it missed', async () => {
    await using sut = await startSessions();
    const first = await sut.connect();
    await first.request('enter', 'log/1');
    const joined = await answerOf(first, '$joined');
    await sut.rooms.to('log/1').emit('said', 1);
    await first.next('said');
    await cut(sut, first);
    await sut.rooms.to('log/1').emit('said', 2);
    const positions = [{ ...presented(joined), offset: 1 }];
    await using second = await sut.connect({ session: sessionOf(first).id, positions });
    expect(sessionOf(second)).toMatchObject({ id: sessionOf(first).id, resumed: true });
    expect(await answerOf(second, '$joined')).toMatchObject({ room: 'log/1', recovered: true, offset: 1, top: 2 });
    expect(await second.next('said')).toMatchObject({ data: 2, offset: 2 });
    expect((await second.request('rooms')).data).toEqual(['log/1']);
    expect(counted(sut)).toMatchObject({ created: 1, resumed: 1 });
  });

  it('that never saw $joined goes on where the server had joined it', async () => {
    await using sut = await startSessions();
    const first = await sut.connect();
    await first.request('enter', 'log/1');
    await cut(sut, first);
    await sut.rooms.to('log/1').emit('said', 1);
    await using second = await sut.connect({ session: sessionOf(first).id });
    expect(await answerOf(second, '$joined')).toMatchObject({ recovered: true, offset: 0, top: 1 });
    expect(await second.next('said')).toMatchObject({ data: 1 });
  });

  it('is in a room that it had joined by itself before the server did, without presenting it', async () => {
    await using sut = await startSessions();
    const first = await sut.connect();
    await join(first, 'chat/1');
    await first.request('enter', 'chat/1');
    await cut(sut, first);
    await using second = await sut.connect({ session: sessionOf(first).id });
    expect(await answerOf(second, '$joined')).toMatchObject({ room: 'chat/1', recovered: true });
  });

  it('can do so any number of times, also when nothing was ever published', async () => {
    await using sut = await startSessions();
    const first = await sut.connect();
    await first.request('enter', 'log/1');
    const { id } = sessionOf(first);
    await cut(sut, first);
    for (let times = 0; times < 5; times++) {
      const again = await sut.connect({ session: id });
      expect(sessionOf(again)).toMatchObject({ id, resumed: true });
      expect(await answerOf(again, '$joined')).toMatchObject({ recovered: true, offset: 0, top: 0 });
      await cut(sut, again);
    }
  });

  it('goes on at the position that it presents in a room that a connection hook joins, with one $joined', async () => {
    await using sut = await startSessions();
    const first = await sut.connect({ session: null }, { path: '/a?hook=log/1' });
    const joined = await answerOf(first, '$joined');
    await cut(sut, first);
    await sut.rooms.to('log/1').emit('said', 1);
    const hello = { session: sessionOf(first).id, positions: [presented(joined)] };
    await using second = await sut.connect(hello, { path: '/a?hook=log/1' });
    expect(await answerOf(second, '$joined')).toMatchObject({ offset: 0, top: 1, recovered: true });
    expect(await second.next('said')).toMatchObject({ data: 1 });
    await second.request('rooms');
    expect(second.waiting).toEqual([]);
  });

  it('whose session is gone goes on in the rooms that it may join, and is told which others it has lost', async () => {
    await using sut = await startSessions();
    const first = await sut.connect();
    const joined = [
      await join(first, 'chat/1'),
      (await first.request('enter', 'log/1'), await answerOf(first, '$joined')),
    ];
    await cut(sut, first);
    await sut.rooms.to('chat/1').emit('said', 1);
    await using second = await sut.connect({ session: 'unknown', positions: joined.map(presented) });
    expect(sessionOf(second)).toMatchObject({ resumed: false });
    expect(await answerOf(second, '$joined')).toMatchObject({ room: 'chat/1', recovered: true, top: 1 });
    expect(await second.next('said')).toMatchObject({ data: 1 });
    expect(await answerOf(second, '$left')).toEqual({ room: 'log/1', reason: 'session' });
    expect(sut.app.app.get(Counters).get('unrecovered', 'session')).toBe(1);
  });

  it('is asked again whether it may be there, whoever had joined it, and is told when not', async () => {
    await using sut = await startSessions();
    const first = await sut.connect();
    await first.request('enter', 'chat/1');
    await join(first, 'chat/2');
    await join(first, 'chat/3');
    await cut(sut, first);
    sut.gateway.forbidden.add('1').add('2');
    const positions = [{ room: 'chat/2' }, { room: 'chat/3' }];
    const second = await sut.connect({ session: sessionOf(first).id, positions });
    expect(await answerOf(second, '$left')).toEqual({ room: 'chat/1', reason: 'forbidden' });
    expect(await answerOf(second, '$left')).toEqual({ room: 'chat/2', reason: 'forbidden' });
    expect(await answerOf(second, '$joined')).toMatchObject({ room: 'chat/3' });
    await cut(sut, second);
    // What was refused is forgotten.
    sut.gateway.forbidden.clear();
    await using third = await sut.connect({ session: sessionOf(first).id });
    expect((await third.request('rooms')).data).toEqual([]);
  });

  it('keeps a room that could not be decided about, and may ask for it', async () => {
    await using sut = await startSessions();
    const first = await sut.connect();
    await first.request('enter', 'chat/1');
    await cut(sut, first);
    sut.gateway.isDown = true;
    const second = await sut.connect({ session: sessionOf(first).id });
    expect(await answerOf(second, '$left')).toEqual({ room: 'chat/1', reason: 'failed' });
    await cut(sut, second);
    sut.gateway.isDown = false;
    await using third = await sut.connect({ session: sessionOf(first).id });
    expect(await answerOf(third, '$joined')).toMatchObject({ room: 'chat/1' });
  });

  it.each([
    ['another epoch', { epoch: 'another', offset: 0 }, 'epoch'],
    ['the future', { offset: 99 }, 'future'],
    ['what is not kept any more', { offset: 0 }, 'trimmed'],
  ])('with a position of %s is told so, and other rooms recover', async (_, position, reason) => {
    await using sut = await startSessions();
    const published = [];
    for (let n = 1; n <= 11; n++) published.push(await sut.rooms.to('chat/1').emit('said', n));
    const two = await sut.rooms.position('chat/2');
    await sut.rooms.to('chat/2').emit('said', 1);
    const positions = [{ ...presented({ ...published[0] }), ...position }, presented({ ...two })];
    await using client = await sut.connect({ session: null, positions });
    const answers = [await answerOf(client, '$joined'), await answerOf(client, '$joined')];
    expect(answers).toContainEqual(
      expect.objectContaining({ room: 'chat/1', recovered: false, reason, offset: 11 }) as unknown,
    );
    expect(answers).toContainEqual(expect.objectContaining({ room: 'chat/2', recovered: true, top: 1 }) as unknown);
    expect(await client.next('said')).toMatchObject({ room: 'chat/2' });
  });

  it('is not in rooms that it has left, or was removed from', async () => {
    await using sut = await startSessions();
    const first = await sut.connect();
    for (const room of ['log/1', 'log/2', 'log/3']) await first.request('enter', room);
    await first.request('exit', 'log/1');
    await first.request('$leave', { room: 'log/2' });
    expect((await first.request('enter and exit', 'log/4')).data).toEqual(['log/3']);
    await cut(sut, first);
    await using second = await sut.connect({ session: sessionOf(first).id });
    expect((await second.request('rooms')).data).toEqual(['log/3']);
  });

  it('may present no more rooms than it may be in', async () => {
    await using sut = await startSessions({ roomLimits: { perConnection: 2 } });
    const positions = ['chat/1', 'chat/2', 'chat/3'].map((room) => ({ room }));
    await using client = await sut.connect({ session: null, positions });
    expect(await answerOf(client, '$left')).toEqual({ room: 'chat/3', reason: 'failed' });
    await expect(client.request('$join', { room: 'chat/3' })).rejects.toMatchObject({ code: 'TOO_MANY_ROOMS' });
    expect((await client.request('rooms')).data).toEqual(['chat/1', 'chat/2']);
  });

  it('gets the newest of a room that keeps one, when there is a newer one', async () => {
    await using sut = await startSessions();
    const first = await sut.connect();
    await first.request('enter', 'newest/1');
    await answerOf(first, '$joined');
    await cut(sut, first);
    for (const n of [1, 2]) await sut.rooms.to('newest/1').emit('price', n);
    await using second = await sut.connect({ session: sessionOf(first).id });
    await answerOf(second, '$joined');
    expect(await second.next('price')).toMatchObject({ data: 2, offset: 2 });
  });
});

describe('PROTOCOL 18.4: a session belongs to', () => {
  it.each([
    ['its principal', 'ada', '/a', 'bob', '/a'],
    ['its path', 'ada', '/a', 'ada', '/b'],
    ['a client without a principal', undefined, '/a', 'ada', '/a'],
    ['a client with a principal', 'ada', '/a', undefined, '/a'],
  ])('%s', async (_, subject, path, otherSubject, otherPath) => {
    await using sut = await startSessions();
    const tokenFor = async (name: string | undefined): Promise<object> => (name ? { token: await tokenOf(name) } : {});
    const first = await sut.connect({ session: null }, { path, ...(await tokenFor(subject)) });
    await first.request('enter', 'log/1');
    await cut(sut, first);
    const { id } = sessionOf(first);
    await using thief = await sut.connect({ session: id }, { path: otherPath, ...(await tokenFor(otherSubject)) });
    expect(sessionOf(thief).resumed).toBe(false);
    expect((await thief.request('rooms')).data).toEqual([]);
    expect(counted(sut)['foreign']).toBe(1);
    // Nothing of it was changed.
    await using owner = await sut.connect({ session: id }, { path, ...(await tokenFor(subject)) });
    expect(sessionOf(owner).resumed).toBe(true);
  });
});

describe('PROTOCOL 18.7: a second connection with a session', () => {
  it('takes it over: the first is closed with 4409, and changes nothing any more', async () => {
    await using sut = await startSessions();
    await using first = await sut.connect();
    await first.request('enter', 'log/1');
    await using second = await sut.connect({ session: sessionOf(first).id });
    expect(await first.closed).toMatchObject({ code: 4409 });
    expect((await second.request('rooms')).data).toEqual(['log/1']);
    await cut(sut, second);
    await using third = await sut.connect({ session: sessionOf(first).id });
    expect(sessionOf(third).resumed).toBe(true);
    expect(counted(sut)['taken']).toBe(1);
  });

  it('takes the place of the first in the count of its principal, also of one that is dead', async () => {
    await using sut = await startSessions({ admission: { maxConnectionsPerPrincipal: 1 } });
    const token = await tokenOf('ada');
    await using first = await sut.connect({ session: null }, { token });
    first.pause();
    await expect(sut.connect({ session: null }, { token })).rejects.toMatchObject({ closeCode: 4429 });
    await using second = await sut.connect({ session: sessionOf(first).id }, { token });
    expect(sessionOf(second).resumed).toBe(true);
    await expect(sut.connect({ session: null }, { token })).rejects.toMatchObject({ closeCode: 4429 });
  });

  it('is one of many that come at once: one of them has it, the others are closed', async () => {
    await using sut = await startSessions();
    const first = await sut.connect();
    await cut(sut, first);
    const { id } = sessionOf(first);
    const all = await Promise.all(Array.from({ length: 10 }, () => sut.connect({ session: id })));
    const closed: TestClient[] = [];
    for (const client of all) void client.closed.then(() => closed.push(client));
    const last = sut.app.app.get(ConnectionRegistry);
    await expect.poll(() => last.size).toBe(1);
    expect(await Promise.all(closed.map(({ closed: ended }) => ended))).toEqual(
      Array.from({ length: 9 }, () => expect.objectContaining({ code: 4409 }) as unknown),
    );
    for (const client of all) client.terminate();
  });
});

describe('PROTOCOL 18.8: a session', () => {
  it.each([
    ['ends with a connection that is closed with 1000', 1_000, false],
    ['outlives a connection that is closed with 1001', 1_001, true],
  ])('%s', async (_, code, resumed) => {
    await using sut = await startSessions();
    const first = await sut.connect();
    await first.close(code);
    await expect.poll(() => sut.app.app.get(ConnectionRegistry).size).toBe(0);
    await using second = await sut.connect({ session: sessionOf(first).id });
    expect(sessionOf(second).resumed).toBe(resumed);
  });

  it('ends when its principal is disconnected', async () => {
    await using sut = await startSessions();
    const token = await tokenOf('ada');
    const first = await sut.connect({ session: null }, { token });
    sut.app.app.get(ConnectionRegistry).disconnectPrincipal('ada');
    await first.closed;
    await using second = await sut.connect({ session: sessionOf(first).id }, { token });
    expect(sessionOf(second).resumed).toBe(false);
  });

  it('can be resumed until the time is over', async () => {
    const clock = new ManualClock();
    await using sut = await startSessions({ sessions: { resumableMs: 60_000 } }, { clock });
    const first = await sut.connect();
    await cut(sut, first);
    clock.advance(59_999);
    const second = await sut.connect({ session: sessionOf(first).id });
    expect(sessionOf(second)).toMatchObject({ resumed: true, expiresMs: 60_000 });
    await cut(sut, second);
    clock.advance(60_000);
    await using third = await sut.connect({ session: sessionOf(first).id });
    expect(sessionOf(third).resumed).toBe(false);
  });

  it('does not expire while its connection is open', async () => {
    const clock = new ManualClock();
    await using sut = await startSessions({ heartbeat: { intervalMs: 0 } }, { clock });
    const first = await sut.connect();
    await first.request('enter', 'log/1');
    for (let hours = 0; hours < 10; hours += 1 / 6) {
      clock.advance(600_000);
      await first.request('rooms');
    }
    await cut(sut, first);
    await using second = await sut.connect({ session: sessionOf(first).id });
    expect((await second.request('rooms')).data).toEqual(['log/1']);
  });
});

it('a client that is joined before its $welcome is a member only then, and hears of it then', async () => {
  await using sut = await startSessions();
  const joins: Promise<void>[] = [];
  sut.app.app.get(ConnectionRegistry).on('joined', (connection) => joins.push(connection.join('log/1')));
  await using client = await sut.connect();
  expect(await client.next()).toMatchObject({ event: '$joined', data: { room: 'log/1' } });
  await expect(sut.connect({ session: 5 })).rejects.toMatchObject({ closeCode: 4400 });
  // That of the client that was refused ends, too.
  await Promise.all(joins);
  expect(sut.rooms.count('log/1')).toBe(1);
});

describe('a flood of resumes', () => {
  const positions = Array.from({ length: 100 }, (_, n) => ({ room: `chat/${n}`, epoch: 'made up', offset: n }));

  it('with sessions that nobody has, and positions that were never given, disturbs nobody and leaves nothing', async () => {
    // Handshakes of one address have a limit of their own, which a botnet does not meet.
    const handshakeRate = { limit: Infinity, windowMs: 1_000 };
    await using sut = await startSessions({ admission: { handshakeRate } });
    await using member = await sut.connect();
    await join(member, 'chat/1');
    const forged = Array.from({ length: 200 }, (_, n) => ({ session: `${'x'.repeat(20)}${n}`, positions }));
    for (let n = 0; n < forged.length; n += 20) {
      const clients = await Promise.all(forged.slice(n, n + 20).map((hello) => sut.connect(hello)));
      await sut.rooms.to('chat/1').emit('said', n);
      expect(await member.next('said')).toMatchObject({ room: 'chat/1', offset: n / 20 + 1, data: n });
      for (const client of clients) {
        expect(sessionOf(client).resumed).toBe(false);
        expect(await answerOf(client, '$joined')).toMatchObject({ recovered: false, reason: 'epoch' });
        await cut(sut, client);
      }
    }
    expect(sut.app.app.get(ConnectionRegistry).size).toBe(1);
    expect(sut.rooms.count('chat/1')).toBe(1);
    expect(sut.rooms.count('chat/2')).toBe(0);
  });
});
