import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostileFrame, hostileNumber } from './support/hostile-server.js';
import { settled, World } from './support/world.js';

/** By the promise (PROTOCOL.md 12.2), not by the code. */
const maxWaitMs = 300_000;
const maxNumber = 2_147_483_647;
/** The longest wait of the client's own backoff. */
const ownMs = 30_000;

function welcome(interval: string, grace: string, payload: string): string {
  const heartbeat = `{"intervalMs":${interval},"graceMs":${grace}}`;
  return `{"event":"$welcome","data":{"connectionId":"c","heartbeat":${heartbeat},"limits":{"maxPayloadBytes":${payload}}}}`;
}

describe('numbers of a hostile server (12.2)', () => {
  it('never make a client wait, or take a timer, beyond what is stated', async () => {
    const welcomes = fc.oneof(
      { weight: 4, arbitrary: fc.constant(welcome('25000', '25000', '1000')) },
      { weight: 1, arbitrary: fc.tuple(hostileNumber, hostileNumber, hostileNumber).map((all) => welcome(...all)) },
    );
    const frames = fc.array(hostileFrame, { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(welcomes, frames, fc.constantFrom(1006, 1012, 1013), async (first, said, code) => {
        const world = new World();
        let asked = 0;
        const token = (): Promise<string> =>
          ++asked === 1 ? Promise.resolve('abc') : Promise.reject(new Error('away'));
        const tested = world.client({ token });
        tested.client.connect();
        await settled();
        const socket = world.socket.accept().sayRaw(first);
        for (const frame of said) socket.sayRaw(frame);
        await settled();
        // Without a heartbeat (8.5) there is nothing to wait for.
        const lawful = world.delays.filter((delayMs) => delayMs !== Infinity || /"intervalMs":-?0,/.test(first));
        expect(lawful).toEqual(world.delays);
        for (const delayMs of world.delays) {
          if (delayMs !== Infinity) expect(delayMs).toBeLessThanOrEqual(2 * maxNumber);
          expect(delayMs).toBeGreaterThanOrEqual(0);
        }
        socket.end(code);
        if (tested.client.state === 'failed') return;
        expect(tested.waitMs).toBeGreaterThanOrEqual(0);
        expect(tested.waitMs).toBeLessThanOrEqual(maxWaitMs + Math.max(maxWaitMs, ownMs));
        world.clock.advance(Math.min(tested.waitMs, maxWaitMs));
        tested.client.connect();
        expect(tested.client.state).toBe('connecting');
      }),
      { numRuns: 500 },
    );
  });

  it.each(['1e15', '1e308', '1e400'])('of $drain are cut to five minutes each: %s', (number) => {
    const world = new World();
    const tested = world.client().open();
    const told: unknown[] = [];
    tested.client.on('$drain', (notice) => told.push(notice));
    world.socket.sayRaw(
      `{"event":"$drain","data":{"retryAfterMs":${number},"windowMs":${number},"reason":"for good"}}`,
    );
    world.socket.end(1012);
    expect(told).toEqual([{ retryAfterMs: maxWaitMs, windowMs: maxWaitMs, reason: 'for good' }]);
    expect(tested.waitMs).toBeGreaterThan(maxWaitMs);
    expect(tested.waitMs).toBeLessThanOrEqual(2 * maxWaitMs);
    tested.client.connect();
    expect(tested.client.state).toBe('waiting');
    world.clock.advance(maxWaitMs);
    tested.client.connect();
    expect(tested.client.state).toBe('connecting');
  });

  it.each(['1e15', '1e308', '1e400'])('of an $error before the close are cut to five minutes: %s', (number) => {
    const world = new World();
    const tested = world.client();
    tested.client.connect();
    const error = `{"event":"$error","data":{"code":"UNAVAILABLE","message":"","retryAfterMs":${number}}}`;
    world.socket.accept().sayRaw(error).end(1013);
    expect(tested.waitMs).toBeLessThanOrEqual(maxWaitMs + 1_000);
    // To the application it is told as far as timers can count: the limit of a rate may be an hour long.
    expect(tested.last.error?.retryAfterMs).toBe(maxNumber);
  });

  it('that are larger than one in $error.retryAfterMs but sensible are told as they are', () => {
    const world = new World();
    const tested = world.client().open();
    world.socket.say('$error', { code: 'RATE_LIMITED', message: '', retryAfterMs: 3_600_000 });
    expect(tested.errors).toMatchObject([{ code: 'RATE_LIMITED', retryAfterMs: 3_600_000 }]);
  });

  it('of $welcome are cut: a heartbeat that is never due, and a frame of any size', () => {
    const world = new World();
    const tested = world.client();
    tested.client.connect();
    world.socket.accept().sayRaw(welcome('1e400', '1e400', '1e400'));
    expect(tested.client.state).toBe('open');
    expect(world.delays.at(-1)).toBe(2 * maxNumber);
    // Its own limits hold.
    expect(tested.client.emit('news', 'x'.repeat(1_048_576))).toBe(false);
    expect(tested.client.emit('news', 'x'.repeat(1_000_000))).toBe(true);
  });

  it('of $ping come back as numbers', () => {
    const world = new World();
    world.client().open();
    world.socket.sayRaw('{"event":"$ping","data":{"n":1e400}}');
    expect(world.socket.sent.at(-1)).toEqual({ event: '$pong', data: { n: Number.MAX_SAFE_INTEGER } });
  });

  it('of $refresh do not put off for ever what failed', async () => {
    const world = new World();
    let asked = 0;
    const tested = world.client({ token: () => (++asked === 1 ? 'abc' : Promise.reject(new Error('away'))) });
    tested.client.connect();
    await settled();
    world.socket.welcome().sayRaw('{"event":"$refresh","data":{"expiresInMs":1e400}}');
    await settled();
    expect(world.delays.at(-1)).toBe(maxNumber / 2);
  });
});
