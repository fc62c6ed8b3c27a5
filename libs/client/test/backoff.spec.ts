import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { World } from './support/world.js';

const firstMs = 1_000;

/** The longest wait before each of the first attempts, by the promise and not by the code. */
const longest = [1_000, 3_000, 9_000, 27_000, 30_000, 30_000];

describe('the wait before an attempt', () => {
  it('is a random part of a limit that grows threefold up to the longest', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const world = new World(seed);
        const tested = world.client();
        tested.client.connect();
        for (const [attempts, limitMs] of longest.entries()) {
          world.socket.end();
          expect(tested.last.attempts).toBe(attempts);
          expect(tested.waitMs).toBeGreaterThanOrEqual(0);
          expect(tested.waitMs).toBeLessThan(limitMs);
          tested.comeBack();
        }
      }),
    );
  });

  it('uses the whole range', () => {
    const waits = Array.from({ length: 2_000 }, (_, seed) => {
      const tested = new World(seed).client();
      tested.client.connect();
      tested.world.socket.end();
      return tested.waitMs;
    });
    expect(Math.min(...waits)).toBeLessThan(0.02 * firstMs);
    expect(Math.max(...waits)).toBeGreaterThan(0.98 * firstMs);
    expect(waits.filter((wait) => wait < firstMs / 2).length).toBeGreaterThan(900);
    expect(waits.filter((wait) => wait < firstMs / 2).length).toBeLessThan(1_100);
  });

  it('is told, and kept to the millisecond', () => {
    const world = new World();
    const tested = world.client();
    tested.client.connect();
    world.socket.end();
    world.clock.advance(tested.waitMs - 1);
    expect(world.sockets).toHaveLength(1);
    world.clock.advance(1);
    expect(world.sockets).toHaveLength(2);
  });

  it('stays finite however often and however small', () => {
    const world = new World();
    const tested = world.client({ backoff: { firstMs: 0, maxAttempts: Infinity } });
    tested.client.connect();
    for (let attempt = 1; attempt <= 2_000; attempt++) {
      world.socket.end();
      expect(tested.waitMs).toBe(0);
      world.clock.advance(0);
      expect(tested.last).toMatchObject({ to: 'connecting', attempts: attempt });
    }
  });
});

describe('attempts in a row', () => {
  function inVain(world: World, tested: ReturnType<World['client']>): number {
    tested.client.connect();
    world.socket.end(1006, 'refused');
    while (tested.client.state === 'waiting') {
      tested.comeBack();
      world.socket.end(1006, 'refused');
    }
    return world.sockets.length;
  }

  it.each([[0], [1], [7], [100]])('are at most %i, and the last one tells why', (maxAttempts) => {
    const world = new World();
    const tested = world.client({ backoff: { maxAttempts } });
    expect(inVain(world, tested)).toBe(1 + maxAttempts);
    const told = { to: 'failed', cause: 'attempts', code: 1006, reason: 'refused', attempts: maxAttempts };
    expect(tested.last).toMatchObject(told);
    // Without attempts there is nothing to begin anew; otherwise it watches for a machine that wakes up.
    expect(world.clock.pending).toBe(maxAttempts ? 1 : 0);
    tested.client.connect();
    expect(tested.last).toMatchObject({ to: 'connecting', attempts: 0 });
  });

  it('are 100 unless the application says otherwise', () => {
    const world = new World();
    expect(inVain(world, world.client())).toBe(101);
  });

  it.each(['online', 'wake'] as const)('begin anew on `%s`, with waits as long as before', (what) => {
    const world = new World();
    const tested = world.client({ backoff: { maxAttempts: 5 } });
    inVain(world, tested);
    world.clock.advance(1_000);
    world.happens(what);
    expect(tested.last).toMatchObject({ from: 'failed', to: 'connecting', cause: what, attempts: 6 });
    const { length } = world.sockets;
    world.socket.end(1006, 'refused');
    expect(tested.last).toMatchObject({ to: 'waiting', attempts: 6 });
    // Two events right after a loss make one attempt.
    world.happens(what);
    world.happens(what);
    world.clock.advance(999);
    expect(world.sockets).toHaveLength(length);
    while (tested.client.state === 'waiting') {
      tested.comeBack();
      world.socket.end(1006, 'refused');
    }
    expect(tested.last).toMatchObject({ to: 'failed', cause: 'attempts', attempts: 10 });
    world.clock.advance(1_000);
    world.happens(what);
    world.socket.welcome();
    expect(tested.client.state).toBe('open');
  });

  it('begin anew no sooner than `firstMs` after the last loss, nor before the time that the server named', () => {
    const world = new World();
    const tested = world.client({ backoff: { maxAttempts: 1 } });
    inVain(world, tested);
    world.clock.advance(400);
    world.happens('wake');
    expect(tested.last).toMatchObject({ from: 'failed', to: 'waiting', cause: 'wake' });
    expect(tested.waitMs).toBe(600);
    tested.comeBack();
    world.socket.accept().say('$error', { code: 'DRAINING', message: 'Later', retryAfterMs: 60_000 }).end(4500);
    expect(tested.last).toMatchObject({ to: 'failed', cause: 'attempts' });
    world.clock.advance(10_000);
    world.happens('wake');
    expect(tested.waitMs).toBe(50_000);
    world.happens('wake');
    expect(tested.waitMs).toBe(50_000);
  });

  it('do not begin anew when there must be none', () => {
    const world = new World();
    const tested = world.client({ backoff: { maxAttempts: 0 } });
    inVain(world, tested);
    expect(world.watchers.size).toBe(0);
  });

  it('count on until a connection has been stable', () => {
    const world = new World();
    const tested = world.client().open();
    world.socket.end();
    tested.comeBack();
    world.socket.welcome();
    world.clock.advance(9_999);
    world.socket.end();
    expect(tested.last.attempts).toBe(1);
    tested.comeBack();
    world.socket.welcome();
    world.clock.advance(10_000);
    world.socket.end();
    expect(tested.last.attempts).toBe(0);
    expect(tested.waitMs).toBeLessThan(firstMs);
  });

  it('do not count what is sure to fail: there is no network', () => {
    const world = new World();
    const tested = world.client({ backoff: { maxAttempts: 1 } }).open();
    world.isOnline = false;
    world.socket.end();
    for (let i = 0; i < 20; i++) {
      tested.comeBack();
      expect(tested.last).toMatchObject({ from: 'waiting', to: 'waiting', cause: 'offline', attempts: 0 });
    }
    expect(world.sockets).toHaveLength(1);
    world.isOnline = true;
    tested.comeBack();
    expect(tested.last).toMatchObject({ to: 'connecting', cause: 'retry', attempts: 1 });
  });
});

describe('without a network', () => {
  it('the client looks again every 5 s, also when it may come back without any wait', () => {
    const world = new World();
    const tested = world.client({ backoff: { firstMs: 0, maxAttempts: Infinity } }).open();
    world.isOnline = false;
    world.socket.end();
    const before = tested.changes.length;
    world.clock.advance(60_000);
    expect(tested.changes.slice(before).map(({ cause }) => cause)).toEqual(Array(13).fill('offline'));
    expect(tested.waitMs).toBe(5_000);
    world.isOnline = true;
    world.happens('online');
    expect(tested.client.state).toBe('connecting');
  });
});

describe('the advertised window (10.1, 10.2)', () => {
  const drain = { retryAfterMs: 5_000, windowMs: 10_000, reason: 'deploy' };

  function drained(seed = 1, data: object = drain) {
    const world = new World(seed);
    const tested = world.client().open();
    const told: unknown[] = [];
    tested.client.on('$drain', (notice) => told.push(notice));
    world.socket.say('$drain', data);
    expect(told).toEqual([data]);
    return { world, tested };
  }

  it('is where the client comes back', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(1012, 1006, 1001), (seed, code) => {
        const { world, tested } = drained(seed);
        world.clock.advance(1_234);
        world.socket.end(code);
        expect(tested.waitMs).toBeGreaterThanOrEqual(5_000);
        expect(tested.waitMs).toBeLessThan(15_000);
      }),
    );
  });

  it('is used once: after an attempt in vain the backoff is its own', () => {
    const { world, tested } = drained();
    world.socket.end(1012);
    tested.comeBack();
    world.socket.end();
    expect(tested.waitMs).toBeLessThan(longest[1]!);
  });

  it('is kept by everything that would hasten: network, wake and connect()', () => {
    const { world, tested } = drained();
    world.socket.end(1012);
    world.clock.advance(4_999);
    world.happens('online');
    world.happens('wake');
    tested.client.connect();
    expect(tested.client.state).toBe('waiting');
    world.clock.advance(1);
    world.happens('online');
    expect(tested.last).toMatchObject({ to: 'connecting', cause: 'online' });
  });

  describe('from the second return on', () => {
    const atOnce = { retryAfterMs: 0, windowMs: 0, reason: 'deploy' };

    /** A client that was drained with that, and drained again by the next server before it was stable. */
    function drainedAgain(seed: number, again: object | undefined) {
      const { world, tested } = drained(seed, atOnce);
      world.socket.end(1012);
      expect(tested.waitMs).toBe(0);
      tested.comeBack();
      world.socket.welcome();
      world.clock.advance(9_999);
      if (again) world.socket.say('$drain', again);
      world.socket.end(1012);
      return { world, tested };
    }

    it('is no shorter than the wait of the backoff', () => {
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const { tested } = drainedAgain(seed, atOnce);
          expect(tested.last.attempts).toBe(1);
          // To the millisecond that of a client with the same chance whose server said nothing.
          expect(tested.waitMs).toBe(drainedAgain(seed, undefined).tested.waitMs);
          expect(tested.waitMs).toBeLessThan(longest[1]!);
        }),
      );
    });

    it('is kept where it is longer', () => {
      const { tested } = drainedAgain(1, { ...drain, windowMs: 0 });
      expect(tested.waitMs).toBe(drain.retryAfterMs);
    });

    it('counts alone again once a connection has been stable', () => {
      const { world, tested } = drainedAgain(1, atOnce);
      tested.comeBack();
      world.socket.welcome();
      world.clock.advance(10_000);
      world.socket.say('$drain', atOnce).end(1012);
      expect(tested.waitMs).toBe(0);
    });

    it('keeps a server that drains every client at once from being met in a loop', () => {
      const world = new World();
      const { client } = world.client();
      client.on('$state', ({ to }) => {
        if (to === 'connecting') world.clock.schedule(() => world.socket.welcome().say('$drain', atOnce).end(1012), 0);
      });
      client.connect();
      world.clock.advance(300);
      expect(world.sockets.length).toBeLessThanOrEqual(3);
      world.clock.advance(60_000);
      expect(world.sockets.length).toBeLessThan(15);
    });
  });

  it('is what an error asks for, when there is no other (7.2)', () => {
    const world = new World();
    const tested = world.client();
    tested.client.connect();
    world.socket.accept().say('$error', { code: 'UNAVAILABLE', message: 'Away', retryAfterMs: 7_000 }).end(1013);
    expect(tested.waitMs).toBeGreaterThanOrEqual(7_000);
    expect(tested.waitMs).toBeLessThan(8_000);
  });
});

describe('connect() while waiting', () => {
  it('tries at once, which is an attempt like any other', () => {
    const world = new World();
    const tested = world.client().open();
    world.socket.end();
    tested.client.connect();
    expect(tested.last).toMatchObject({ from: 'waiting', to: 'connecting', cause: 'connect', attempts: 1 });
    world.clock.advance(5_000);
    expect(world.sockets).toHaveLength(2);
  });

  it('tries at once also when the clock was set back', () => {
    const world = new World();
    const tested = world.client().open();
    world.socket.end();
    world.wallOffsetMs = -3_600_000;
    tested.client.connect();
    expect(tested.client.state).toBe('connecting');
  });

  it('as often as somebody likes makes one attempt per `firstMs`', () => {
    const world = new World();
    const ports = { ...world.ports, random: { next: () => 0.99 } };
    const tested = world.client({ ports, backoff: { maxAttempts: Infinity } }).open();
    for (let click = 0; click < 600; click++) {
      if (world.live.length > 0) world.socket.end();
      tested.client.connect();
      world.clock.advance(100);
    }
    // The first, the return that is free, and one each second of a minute.
    expect(world.sockets.length).toBeGreaterThan(50);
    expect(world.sockets.length).toBeLessThanOrEqual(62);
  });
});
