import { afterEach, describe, expect, it, vi } from 'vitest';
import type { StateChange } from '../src/index.js';
import { settled, World } from './support/world.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

function opened() {
  const world = new World();
  const tested = world.client().open();
  return { world, tested, client: tested.client, socket: world.socket };
}

const pathOf = (changes: StateChange[]): string[] => changes.map(({ from, to }) => `${from} ${to}`);

describe('a listener', () => {
  it('gets the data of its event and the whole frame, in order', () => {
    const { client, socket } = opened();
    const heard: unknown[] = [];
    client.on('said', (data, envelope) => heard.push([data, envelope]));
    client.on('other', () => heard.push('other'));
    socket.say('said', 1).sayRaw('{"event":"said","data":2,"room":"lobby","offset":7}');
    expect(heard).toEqual([
      [1, { event: 'said', data: 1 }],
      [2, { event: 'said', data: 2, room: 'lobby', offset: 7 }],
    ]);
  });

  it('that ends hears no more, also of the event that is being told', () => {
    const { client, socket } = opened();
    const heard: string[] = [];
    const ends: (() => void)[] = [];
    client.on('said', () => {
      heard.push('first');
      for (const end of ends) end();
    });
    ends.push(client.on('said', () => heard.push('second')));
    socket.say('said').say('said');
    expect(heard).toEqual(['first', 'first']);
  });

  it('that is added by another one hears from the next event on', () => {
    const { client, socket } = opened();
    const heard: unknown[] = [];
    const stop = client.on('said', () => {
      stop();
      client.on('said', (data) => heard.push(data));
    });
    socket.say('said', 1).say('said', 2);
    expect(heard).toEqual([2]);
  });

  it('that is given twice is called twice, and ends once each', () => {
    const { client, socket } = opened();
    let calls = 0;
    const listener = () => calls++;
    const end = client.on('said', listener);
    client.on('said', listener);
    socket.say('said');
    expect(calls).toBe(2);
    end();
    end();
    socket.say('said');
    expect(calls).toBe(3);
  });

  it('that throws disturbs no other, is reported, and the client goes on', () => {
    const reports: (() => void)[] = [];
    vi.stubGlobal('queueMicrotask', (report: () => void) => reports.push(report));
    const world = new World();
    const { client, changes } = world.client();
    const heard: unknown[] = [];
    for (const event of ['$state', '$error', '$drain', 'said']) {
      client.on(event, () => {
        throw new Error(event);
      });
      client.on(event, () => heard.push(event));
    }
    client.connect();
    const values: unknown[] = [];
    const onNext = (value: unknown): void => {
      values.push(value);
      throw new Error('onNext');
    };
    world.socket.welcome();
    void client.request('count', 1, { onNext });
    world.socket.say('said').say('$drain', { retryAfterMs: 0, windowMs: 0, reason: '' }).sayRaw('nonsense');
    world.socket.say('$next', 1, 1).say('$next', 2, 1).say('$end', undefined, 1);
    expect(heard).toEqual(['$state', '$state', 'said', '$drain', '$error']);
    expect(values).toEqual([1, 2]);
    expect(client.state).toBe('open');
    expect(changes).toHaveLength(2);
    const thrown = reports.map((report) => expect.soft(report).toThrow());
    expect(thrown).toHaveLength(7);
  });
});

describe('what a listener does while it is told', () => {
  it.each(['connecting', 'open', 'waiting', 'failed'] as const)('close() in %s is told to all after it', (when) => {
    const world = new World();
    const { client } = world.client();
    const told: StateChange[][] = [[], []];
    client.on('$state', (change) => {
      told[0]!.push(change);
      if (change.to === when) client.close();
    });
    client.on('$state', (change) => told[1]!.push(change));
    client.connect();
    if (client.state === 'connecting') world.socket.welcome();
    if (client.state === 'open') world.socket.end(when === 'failed' ? 4403 : 1006);
    expect(client.state).toBe('closed');
    expect(told[0]).toEqual(told[1]);
    expect(told[0]!.at(-2)).toMatchObject({ to: when });
    expect(told[0]!.at(-1)).toMatchObject({ from: when, to: 'closed' });
    expect(world.clock.pending).toBe(0);
    expect(world.watchers.size).toBe(0);
    expect(world.live).toEqual([]);
    expect(world.sockets).toHaveLength(when === 'connecting' ? 0 : 1);
  });

  it.each(['waiting', 'failed', 'closed'] as const)('connect() in %s begins one attempt', (when) => {
    const world = new World();
    const { client } = world.client();
    const told: StateChange[][] = [[], []];
    client.on('$state', (change) => {
      told[0]!.push(change);
      if (change.to === when && world.sockets.length === 1) client.connect();
    });
    client.on('$state', (change) => told[1]!.push(change));
    client.connect();
    world.socket.welcome().end({ waiting: 1006, failed: 4403, closed: 1000 }[when]);
    expect(told[0]).toEqual(told[1]);
    expect(pathOf(told[0]!)).toEqual(['idle connecting', 'connecting open', `open ${when}`, `${when} connecting`]);
    expect(world.live).toHaveLength(1);
    expect(world.sockets).toHaveLength(2);
    world.socket.welcome();
    expect(client.state).toBe('open');
    expect(world.watchers.size).toBe(1);
  });

  it('close() and connect() in one go leave one attempt, and the changes chain', () => {
    const { client, socket, tested, world } = opened();
    client.on('said', () => {
      client.close();
      client.connect();
      client.close();
      client.connect();
    });
    socket.say('said');
    expect(pathOf(tested.changes).slice(2)).toEqual([
      'open closed',
      'closed connecting',
      'connecting closed',
      'closed connecting',
    ]);
    expect(world.live).toHaveLength(1);
    expect(world.watchers.size).toBe(1);
    world.socket.welcome();
    expect(client.state).toBe('open');
  });

  it('close() lets nothing through that came in the same moment', () => {
    const { client, socket } = opened();
    const heard: unknown[] = [];
    client.on('said', (data) => {
      heard.push(data);
      client.close();
    });
    socket.say('said', 1).say('said', 2);
    expect(heard).toEqual([1]);
  });
});

describe('what throws in the middle of an event of the socket', () => {
  const throws = (): never => {
    throw new Error('in the middle');
  };

  /** What would end a process, or be in the console of a page. */
  function reports(): (() => void)[] {
    const found: (() => void)[] = [];
    vi.stubGlobal('queueMicrotask', (report: () => void) => found.push(report));
    return found;
  }

  it('is reported where it is a signal that does not let go, and the request has its answer', async () => {
    const thrown = reports();
    const { client, socket, world } = opened();
    const before = world.clock.pending;
    const signal = Object.assign(new AbortController().signal, { removeEventListener: throws });
    const asked = client.request('ask', 1, { signal });
    socket.say('$reply', 'answer', 1).say('said');
    expect(await asked).toBe('answer');
    expect(thrown).toHaveLength(1);
    expect(world.clock.pending).toBe(before);
  });

  it('is what the request rejects with, where it is a signal that nobody can listen to', async () => {
    const { client, world } = opened();
    const before = world.clock.pending;
    const signal = Object.assign(new AbortController().signal, { addEventListener: throws });
    await expect(client.request('ask', 1, { signal })).rejects.toThrow('in the middle');
    expect(world.clock.pending).toBe(before);
  });

  it.each([undefined, 'abc'])(
    'is an attempt in vain, where it is a socket that throws what is no text: token %s',
    async (token) => {
      const thrown = reports();
      const world = new World();
      let made = 0;
      class Odd extends world.WebSocket {
        constructor(url: string, protocols: string[]) {
          // eslint-disable-next-line @typescript-eslint/only-throw-error -- that is what is tested
          if (++made === 1) throw { toString: throws };
          super(url, protocols);
        }
      }
      const tested = world.client({ WebSocket: Odd, token });
      tested.client.connect();
      await settled();
      expect(tested.last).toMatchObject({ from: 'connecting', to: 'waiting', cause: 'network', code: 1006 });
      expect(thrown).toHaveLength(1);
      tested.comeBack();
      await settled();
      world.socket.welcome();
      expect(tested.client.state).toBe('open');
    },
  );

  it('does not keep back what is to be told after it, where it is the platform', () => {
    const thrown = reports();
    const world = new World();
    let isBroken = true;
    const watch: typeof world.ports.surroundings.watch = (listener) =>
      isBroken ? throws() : world.ports.surroundings.watch(listener);
    const tested = world.client({ ports: { ...world.ports, surroundings: { isOnline: () => true, watch } } });
    tested.client.connect();
    expect(thrown).toHaveLength(1);
    tested.client.close();
    isBroken = false;
    tested.open();
    expect(tested.path).toBe('connecting closed connecting open');
  });
});

describe('onWelcome', () => {
  it('calls after each welcome, before what waits is sent', () => {
    const world = new World();
    const tested = world.client();
    tested.client.onWelcome(() => tested.client.emit('follow'));
    tested.client.emit('early');
    tested.open();
    expect(world.socket.heard).toEqual([{ event: 'follow' }, { event: 'early' }]);
    world.socket.end();
    tested.client.emit('waited');
    tested.comeBack();
    world.socket.welcome();
    expect(world.socket.heard).toEqual([{ event: 'follow' }, { event: 'waited' }]);
  });

  it('calls at once when the client is open, and no more after its end', () => {
    const { client, tested, world } = opened();
    let calls = 0;
    const stop = client.onWelcome(() => calls++);
    expect(calls).toBe(1);
    stop();
    world.socket.end();
    tested.comeBack();
    world.socket.welcome();
    expect(calls).toBe(1);
  });

  it('calls once when it is added by a listener that hears of the welcome', () => {
    const world = new World();
    const tested = world.client();
    let calls = 0;
    const stop = tested.client.on('$state', ({ to }) => {
      if (to !== 'open') return;
      stop();
      tested.client.onWelcome(() => calls++);
    });
    tested.open();
    expect(calls).toBe(1);
  });

  it('tells a HoldfastError as `$error`, such as that the connection was lost meanwhile', async () => {
    const world = new World();
    const tested = world.client();
    tested.client.onWelcome(async () => {
      await tested.client.request('follow');
    });
    tested.open();
    world.socket.end();
    await settled();
    expect(tested.errors).toMatchObject([{ code: 'CONNECTION_LOST' }]);
    tested.client.close();
  });

  it('leaves any other error to the platform, as an unhandled rejection', async () => {
    const seen: unknown[] = [];
    const before = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.once('unhandledRejection', (reason) => seen.push(reason));
    const { client, tested } = opened();
    client.onWelcome(() => {
      throw new TypeError('a bug');
    });
    await settled();
    for (const listener of before) process.on('unhandledRejection', listener);
    expect(seen).toMatchObject([{ message: 'a bug' }]);
    expect(tested.errors).toEqual([]);
  });
});
