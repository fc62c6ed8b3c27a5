import { describe, expect, it } from 'vitest';
import type { TokenProvider } from '../src/index.js';
import { settled, World } from './support/world.js';

async function opened(token: TokenProvider) {
  const world = new World();
  const tested = world.client({ token });
  tested.client.connect();
  await settled();
  const socket = world.socket.welcome();
  /** The server asks for a fresh token. */
  const asks = async (expiresInMs: number): Promise<void> => {
    socket.say('$refresh', { expiresInMs });
    await settled();
  };
  const offers = () => socket.sent.filter(({ event }) => event === '$refresh');
  return { world, tested, socket, asks, offers };
}

function counted(): TokenProvider {
  let asked = 0;
  return () => `t${++asked}`;
}

describe('a fresh token (9.2 to 9.4)', () => {
  it('is brought when the server asks for it', async () => {
    const { world, tested, socket, asks, offers } = await opened(counted());
    await asks(60_000);
    expect(offers()).toEqual([{ event: '$refresh', id: 1, data: { token: 't2' } }]);
    socket.say('$reply', { expiresInMs: 3_600_000 }, 1);
    await settled();
    world.clock.advance(40_000);
    expect(offers()).toHaveLength(1);
    expect(tested.errors).toEqual([]);
  });

  it('is the one not to be offered again, when it is refused after it was taken', async () => {
    const tokens = ['old'];
    const { world, tested, socket, asks } = await opened(() => tokens.shift() ?? 'fresh');
    await asks(60_000);
    socket.say('$reply', { expiresInMs: null }, 1);
    await settled();
    socket.end(4401);
    tested.comeBack();
    await settled();
    expect(tested.last).toMatchObject({ to: 'failed', reason: 'the token provider gave the refused token again' });
    expect(world.sockets).toHaveLength(1);
  });

  it('that nobody can give is told, and tried again in half of the time that is left', async () => {
    let asked = 0;
    const { world, tested, socket, asks, offers } = await opened(async () => {
      if (++asked === 2 || asked === 3) throw new Error('away');
      return 'abc';
    });
    await asks(60_000);
    expect(tested.errors).toMatchObject([{ code: 'TOKEN_PROVIDER_FAILED', cause: new Error('away') }]);
    world.clock.advance(29_999);
    await settled();
    expect(tested.errors).toHaveLength(1);
    world.clock.advance(1);
    await settled();
    expect(tested.errors).toHaveLength(2);
    socket.say('$ping', { n: 1 });
    world.clock.advance(15_000);
    await settled();
    expect(offers()).toHaveLength(1);
  });

  it('that the server refuses is told, and asked for again, but not when the time is over', async () => {
    const { world, tested, socket, asks, offers } = await opened(counted());
    await asks(5_000);
    socket.say('$error', { code: 'UNAVAILABLE', message: 'Later' }, 1);
    await settled();
    expect(tested.errors).toMatchObject([{ code: 'UNAVAILABLE' }]);
    world.clock.advance(2_500);
    await settled();
    expect(offers()).toHaveLength(2);
    socket.say('$error', { code: 'UNAVAILABLE', message: 'Later' }, 2);
    await settled();
    world.clock.advance(1_250);
    await settled();
    expect(offers()).toHaveLength(3);
    socket.say('$error', { code: 'UNAVAILABLE', message: 'Later' }, 3);
    await settled();
    world.clock.advance(10_000);
    await settled();
    expect(offers()).toHaveLength(3);
    expect(tested.client.state).toBe('open');
  });

  it('is not waited for longer than a request is', async () => {
    const { world, tested, asks } = await opened(counted());
    await asks(60_000);
    world.clock.advance(10_000);
    await settled();
    expect(tested.errors).toMatchObject([{ code: 'REQUEST_TIMEOUT' }]);
  });

  it('that belongs to a connection which has ended is not sent on the next one, and nobody is told', async () => {
    let give: (token: string) => void = () => undefined;
    let asked = 0;
    const slow = () => (++asked === 2 ? new Promise<string>((resolve) => (give = resolve)) : `t${asked}`);
    const { world, tested, socket, asks } = await opened(slow);
    await asks(60_000);
    socket.end(1006);
    tested.comeBack();
    await settled();
    world.socket.welcome();
    give('t2');
    await settled();
    expect(world.socket.sent).toEqual([{ event: '$hello', data: { token: 't3' } }]);
    expect(tested.errors).toEqual([]);
  });

  it('whose answer is lost with the connection is nobody’s error', async () => {
    const { world, tested, socket, asks } = await opened(counted());
    await asks(60_000);
    socket.end(1006);
    await settled();
    expect(tested.errors).toEqual([]);
    tested.client.close();
    expect(world.clock.pending).toBe(0);
  });

  it('is asked for no more after the end, whatever was under way', async () => {
    let reject: (error: Error) => void = () => undefined;
    let asked = 0;
    const { world, tested, asks } = await opened(() => {
      asked++;
      return asked === 1 ? 'abc' : new Promise((_, fail) => (reject = fail));
    });
    await asks(60_000);
    await asks(60_000);
    tested.client.close();
    reject(new Error('late'));
    await settled();
    world.clock.advance(600_000);
    await settled();
    expect(asked).toBe(2);
    expect(tested.errors).toEqual([]);
    expect(world.clock.pending).toBe(0);
  });

  it('that comes after the end is not offered to anybody', async () => {
    let give: (token: string) => void = () => undefined;
    let asked = 0;
    const { world, tested, asks, offers } = await opened(() =>
      ++asked === 1 ? 'abc' : new Promise<string>((resolve) => (give = resolve)),
    );
    await asks(60_000);
    tested.client.close();
    give('late');
    await settled();
    expect(offers()).toEqual([]);
    expect(world.clock.pending).toBe(0);
  });

  it('that is asked for again and again and fails leaves one timer, and none after the end', async () => {
    let isOpen = false;
    const { world, tested, asks } = await opened(() => (isOpen ? Promise.reject(new Error('away')) : 'abc'));
    isOpen = true;
    const before = world.clock.pending;
    await asks(60_000);
    await asks(60_000);
    expect(tested.errors).toHaveLength(1);
    expect(world.clock.pending).toBe(before + 1);
    tested.client.close();
    expect(world.clock.pending).toBe(0);
  });

  it('is not sent when there is none', async () => {
    let asked = 0;
    const { tested, asks, offers } = await opened(() => (++asked === 1 ? 'abc' : undefined));
    await asks(60_000);
    expect(offers()).toEqual([]);
    expect(tested.errors).toEqual([]);
  });

  it('is of no concern to a client without a token', async () => {
    const world = new World();
    const tested = world.client().open();
    const { length } = world.socket.sent;
    world.socket.say('$refresh', { expiresInMs: 60_000 });
    await settled();
    expect(world.socket.sent).toHaveLength(length);
    expect(tested.errors).toEqual([]);
  });
});

describe('a server that asks for fresh tokens again and again (9.7)', () => {
  /** A client whose provider gives a token when the test wants it, but for the first one. */
  async function waiting() {
    const give: ((token: string) => void)[] = [];
    let asked = 0;
    const provider: TokenProvider = () => (++asked === 1 ? 't1' : new Promise((resolve) => give.push(resolve)));
    return { ...(await opened(provider)), give, asked: () => asked };
  }

  it('gets one at a time, and one more for all that it asked meanwhile, a second later', async () => {
    const { world, socket, asks, offers, give, asked } = await waiting();
    for (let i = 0; i < 20_000; i++) socket.say('$refresh', { expiresInMs: 60_000 });
    await settled();
    world.clock.advance(20_000);
    await settled();
    expect(asked()).toBe(2);
    give[0]!('t2');
    await settled();
    await asks(60_000);
    expect(offers()).toHaveLength(1);
    socket.say('$reply', { expiresInMs: 60_000 }, 1);
    await settled();
    world.clock.advance(999);
    await asks(60_000);
    expect(asked()).toBe(2);
    world.clock.advance(1);
    await settled();
    expect(asked()).toBe(3);
    give[1]!('t3');
    await settled();
    socket.say('$reply', { expiresInMs: 60_000 }, 2);
    await settled();
    expect(offers().map(({ data }) => data)).toEqual([{ token: 't2' }, { token: 't3' }]);
    socket.say('$ping', { n: 1 });
    world.clock.advance(40_000);
    await settled();
    expect(asked()).toBe(3);
  });

  it.each([
    ['takes each of them', '$reply', { expiresInMs: 60_000 }],
    ['refuses each of them', '$error', { code: 'UNAVAILABLE', message: 'Later' }],
  ])('gets no more than one per second, when it %s at once', async (_, event, data) => {
    const { world, socket, offers } = await opened(counted());
    let answered = 0;
    for (let ms = 0; ms < 60_000; ms += 100) {
      socket.say('$refresh', { expiresInMs: 2_500 });
      await settled();
      for (const { id } of offers().slice(answered)) socket.say(event, data, id);
      answered = offers().length;
      await settled();
      world.clock.advance(100);
    }
    expect(offers().length).toBeGreaterThan(40);
    expect(offers().length).toBeLessThanOrEqual(60);
  });

  it('gets none from a provider that fails more often than that, and the application hears each time', async () => {
    let asked = 0;
    const { world, tested, asks } = await opened(() => (++asked === 1 ? 'abc' : Promise.reject(new Error('away'))));
    for (let ms = 0; ms < 60_000; ms += 500) {
      await asks(2_500);
      world.clock.advance(500);
    }
    await settled();
    expect(asked).toBeLessThanOrEqual(61);
    expect(tested.errors).toHaveLength(asked - 1);
  });

  it('gets no token on the next connection for what it asked on the one before', async () => {
    const { world, tested, socket, give, asked } = await waiting();
    for (let i = 0; i < 100; i++) socket.say('$refresh', { expiresInMs: 60_000 });
    await settled();
    socket.end(1006);
    tested.comeBack();
    await settled();
    expect(asked()).toBe(3);
    give[1]!('t3');
    await settled();
    world.socket.welcome();
    give[0]!('t2');
    await settled();
    world.clock.advance(20_000);
    await settled();
    expect(asked()).toBe(3);
    expect(world.socket.sent).toEqual([{ event: '$hello', data: { token: 't3' } }]);
  });
});
