import { describe, expect, it } from 'vitest';
import { heartbeat } from './support/scripted-socket.js';
import { type ClientUnderTest, World } from './support/world.js';

const limitMs = heartbeat.intervalMs + heartbeat.graceMs;
const probeMs = 3_000;

function opened(welcome?: Parameters<ClientUnderTest['open']>[0]) {
  const world = new World();
  const tested = world.client().open(welcome);
  return { world, tested, socket: world.socket };
}

/** How often the server was asked for a sign of life. */
function probes({ socket }: ReturnType<typeof opened>): number {
  return socket.sent.filter(({ event }) => event === '$ping').length;
}

describe('a silent server (8.5)', () => {
  it('is taken for dead after interval and grace, not before', () => {
    const { world, tested, socket } = opened();
    world.clock.advance(limitMs - 1);
    expect(tested.client.state).toBe('open');
    world.clock.advance(1);
    const told = { cause: 'silence', code: 4504, reason: 'the server is silent' };
    expect(tested.last).toMatchObject({ from: 'open', to: 'waiting', ...told });
    expect(socket.closedWith).toBe(4504);
  });

  it.each([['any frame'], ['even one that cannot be used']])('is not silent with %s (8.1)', (what) => {
    const { world, tested, socket } = opened();
    for (let beat = 0; beat < 10; beat++) {
      world.clock.advance(limitMs - 1);
      if (what === 'any frame') socket.say('said', 'something');
      else socket.sayRaw('nonsense');
    }
    expect(tested.client.state).toBe('open');
    world.clock.advance(limitMs);
    expect(tested.last).toMatchObject({ cause: 'silence' });
  });

  it('is never silent without a heartbeat', () => {
    const { world, tested } = opened({ heartbeat: { intervalMs: 0, graceMs: 0 } });
    world.clock.advance(86_400_000);
    expect(tested.client.state).toBe('open');
  });

  it('is not waited for when the socket can be told so, as that of ws can', () => {
    const world = new World();
    const terminated: object[] = [];
    class Terminable extends world.WebSocket {
      override terminate(): void {
        terminated.push(this);
      }
    }
    const tested = world.client({ WebSocket: Terminable }).open();
    world.clock.advance(limitMs);
    expect(terminated).toHaveLength(1);
    tested.comeBack();
    world.clock.advance(10_000);
    expect(tested.last).toMatchObject({ cause: 'timeout' });
    expect(terminated).toHaveLength(2);
  });

  it('is waited for a little when it is left in good order', () => {
    const world = new World();
    let terminated = 0;
    class Terminable extends world.WebSocket {
      override terminate(): void {
        terminated++;
      }
    }
    const answered = world.client({ WebSocket: Terminable }).open();
    answered.client.close();
    world.clock.advance(2_999);
    world.socket.end(1000);
    expect(world.clock.pending).toBe(0);
    const silent = world.client({ WebSocket: Terminable }).open();
    silent.client.close();
    world.clock.advance(2_999);
    expect(terminated).toBe(0);
    world.clock.advance(1);
    expect(terminated).toBe(1);
    expect(world.clock.pending).toBe(0);
    expect(silent.path).toBe('connecting open closed');
  });
});

describe.each(['online', 'wake'] as const)('%s', (what) => {
  it('while open asks the server for a sign of life, once', () => {
    const opening = opened();
    const { world, tested, socket } = opening;
    world.happens(what);
    world.happens(what);
    expect(probes(opening)).toBe(1);
    world.clock.advance(probeMs - 1);
    socket.say('$pong', { n: 1 });
    world.clock.advance(probeMs);
    expect(tested.client.state).toBe('open');
    expect(tested.errors).toEqual([]);
    world.happens(what);
    expect(probes(opening)).toBe(2);
  });

  it('while open cuts a server that does not answer, and comes back at once', () => {
    const { world, tested } = opened();
    world.happens(what);
    world.clock.advance(probeMs - 1);
    expect(tested.client.state).toBe('open');
    world.clock.advance(1);
    expect(tested.last).toMatchObject({ to: 'connecting', cause: 'retry', attempts: 1 });
    expect(tested.changes.at(-2)).toMatchObject({ to: 'waiting', cause: 'silence', code: 4504 });
    expect(world.live).toHaveLength(1);
  });

  it('while open comes back at once only the first time, until a connection was stable', () => {
    const { world, tested } = opened();
    world.happens(what);
    world.socket.end();
    expect(tested.waitMs).toBe(0);
    tested.comeBack();
    world.socket.welcome();
    world.happens(what);
    world.socket.end();
    expect(tested.waitMs).toBeGreaterThan(0);
    world.clock.advance(tested.waitMs);
    world.socket.welcome();
    world.clock.advance(10_000);
    world.happens(what);
    world.socket.end();
    expect(tested.waitMs).toBe(0);
  });

  it('while open makes a connection that turns out to be lost come back at once', () => {
    const { world, tested, socket } = opened();
    world.happens(what);
    socket.end(1006);
    expect(tested.waitMs).toBe(0);
    world.clock.advance(0);
    expect(tested.client.state).toBe('connecting');
  });

  it('while open does not take for an answer what may have waited since before', () => {
    const { world, tested, socket } = opened();
    world.happens(what);
    world.clock.advance(probeMs - 1);
    socket.say('said', 'before the sleep');
    world.clock.advance(probeMs - 1);
    expect(tested.client.state).toBe('open');
    world.clock.advance(1);
    expect(tested.changes.at(-2)).toMatchObject({ to: 'waiting', cause: 'silence', code: 4504 });
  });

  it('while open comes back at once from a connection whose end waited behind messages', () => {
    const { world, tested, socket } = opened();
    world.happens(what);
    socket.say('said', 'before the sleep');
    socket.end(1006);
    expect(tested.waitMs).toBe(0);
  });

  it('while open leaves the advertised window alone', () => {
    const { world, tested, socket } = opened();
    world.happens(what);
    socket.say('$drain', { retryAfterMs: 5_000, windowMs: 0, reason: 'deploy' });
    world.happens(what);
    socket.end(1012);
    expect(tested.waitMs).toBe(5_000);
  });

  it('while waiting tries at once', () => {
    const { world, tested, socket } = opened();
    socket.end();
    world.happens(what);
    expect(tested.last).toMatchObject({ from: 'waiting', to: 'connecting', cause: what, attempts: 1 });
    expect(world.sockets).toHaveLength(2);
  });

  it('while waiting again, before a connection was stable, waits for the rest of `firstMs`, once and no longer', () => {
    const { world, tested, socket } = opened();
    socket.end();
    world.happens(what);
    // Long enough a wait to be hastened.
    while (tested.last.attempts < 4) {
      world.socket.end();
      tested.comeBack();
    }
    world.socket.end();
    expect(tested.waitMs).toBeGreaterThan(1_000);
    const { length } = world.sockets;
    world.clock.advance(400);
    const before = tested.changes.length;
    for (let i = 0; i < 10; i++) world.happens(what);
    expect(tested.changes.slice(before)).toMatchObject([{ from: 'waiting', to: 'waiting', cause: what, attempts: 4 }]);
    expect(tested.waitMs).toBe(600);
    world.clock.advance(599);
    expect(world.sockets).toHaveLength(length);
    world.clock.advance(1);
    expect(world.sockets).toHaveLength(length + 1);
    world.socket.end();
    // Longer than that after the loss it is at once again.
    expect(tested.waitMs).toBeGreaterThan(1_000);
    world.clock.advance(1_000);
    world.happens(what);
    expect(tested.last).toMatchObject({ to: 'connecting', cause: what });
  });

  it('while waiting puts off nothing that is due sooner', () => {
    const world = new World();
    const tested = world.client({ ports: { ...world.ports, random: { next: () => 0.1 } } }).open();
    world.socket.end();
    tested.comeBack();
    world.socket.end();
    expect(tested.waitMs).toBe(300);
    world.clock.advance(100);
    world.happens(what);
    expect(tested.waitMs).toBe(200);
    world.clock.advance(200);
    expect(tested.last).toMatchObject({ to: 'connecting', cause: 'retry' });
  });

  it('while waiting tries at once also when the clock was set back', () => {
    const { world, tested, socket } = opened();
    socket.end();
    world.wallOffsetMs = -3_600_000;
    world.happens(what);
    expect(tested.client.state).toBe('connecting');
  });

  it('while connecting or after the end changes nothing', () => {
    const world = new World();
    const tested = world.client();
    tested.client.connect();
    world.happens(what);
    expect(world.sockets).toHaveLength(1);
    tested.client.close();
    world.happens(what);
    expect(tested.path).toBe('connecting closed');
  });
});

describe('a machine that slept', () => {
  it('asks before it judges: the answer may wait behind the late timer', () => {
    const opening = opened();
    const { world, tested, socket } = opening;
    world.clock.stall(3_600_000);
    world.clock.advance(0);
    expect(tested.client.state).toBe('open');
    expect(probes(opening)).toBe(1);
    socket.say('$pong', { n: 1 });
    world.clock.advance(limitMs - 1);
    expect(tested.client.state).toBe('open');
  });

  it('asks also after a sleep too short for the clock to tell, and too long for its timers', () => {
    const opening = opened();
    const { world, tested } = opening;
    world.clock.advance(limitMs - 1_000);
    world.clock.stall(3_000);
    world.clock.advance(0);
    expect(tested.client.state).toBe('open');
    expect(probes(opening)).toBe(1);
    world.clock.advance(probeMs);
    expect(tested.changes[2]).toMatchObject({ to: 'waiting', cause: 'silence' });
  });

  it('that sleeps again while it asks, asks for an answer once more, but not for ever', () => {
    const { world, tested } = opened();
    world.happens('wake');
    world.clock.stall(3_600_000);
    world.clock.advance(0);
    expect(tested.client.state).toBe('open');
    world.clock.stall(3_600_000);
    world.clock.advance(0);
    expect(tested.changes.slice(2)).toMatchObject([{ to: 'waiting', cause: 'silence' }, { to: 'connecting' }]);
  });

  it('notices by the clock where no event tells, and timers stood still', () => {
    const opening = opened();
    const { world } = opening;
    world.clock.advance(12_000);
    world.wallOffsetMs = 60_000;
    world.clock.advance(5_000);
    expect(probes(opening)).toBe(1);
  });

  it('does not wait for the rest of a long wait', () => {
    const world = new World();
    const tested = world.client({ backoff: { firstMs: 1e9, maxMs: 1e9 } }).open();
    world.socket.end();
    expect(tested.waitMs).toBeGreaterThan(60_000);
    world.wallOffsetMs = 30_000;
    world.clock.advance(5_000);
    expect(tested.last).toMatchObject({ to: 'connecting', cause: 'wake' });
  });

  it('takes a clock that was set back for a sleep, and asks', () => {
    const opening = opened();
    const { world, tested, socket } = opening;
    world.wallOffsetMs = -3_600_000;
    world.clock.advance(5_000);
    expect(probes(opening)).toBe(1);
    socket.say('$pong', { n: 1 });
    world.clock.advance(limitMs);
    expect(tested.changes.find(({ cause }) => cause === 'silence')).toBeDefined();
  });

  it('does not take timers that are a little late for a sleep', () => {
    const opening = opened();
    const { world } = opening;
    for (let tick = 0; tick < 6; tick++) {
      world.clock.stall(5_900);
      world.clock.advance(0);
    }
    expect(probes(opening)).toBe(0);
  });
});
