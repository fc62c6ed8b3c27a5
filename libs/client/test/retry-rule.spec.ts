import { describe, expect, it } from 'vitest';
import { settled, World } from './support/world.js';

describe('after a close the client', () => {
  it.each([
    [1000, 'closed'],
    [1001, 'waiting'],
    [1002, 'failed'],
    [1003, 'failed'],
    [1004, 'waiting'],
    [1005, 'waiting'],
    [1006, 'waiting'],
    [1007, 'failed'],
    [1008, 'failed'],
    [1009, 'failed'],
    [1010, 'failed'],
    [1011, 'waiting'],
    [1012, 'waiting'],
    [1013, 'waiting'],
    [1014, 'waiting'],
    [1015, 'waiting'],
    [2999, 'waiting'],
    [3000, 'closed'],
    [3999, 'closed'],
    [4000, 'closed'],
    [4399, 'closed'],
    [4400, 'failed'],
    [4401, 'failed'],
    [4403, 'failed'],
    [4408, 'failed'],
    [4410, 'failed'],
    [4429, 'failed'],
    [4499, 'failed'],
    [4500, 'waiting'],
    [4504, 'waiting'],
    [4505, 'waiting'],
    [4508, 'waiting'],
    [4599, 'waiting'],
    [4600, 'closed'],
    [4999, 'closed'],
  ])('with %i is %s, welcomed or not (13.2, 13.3)', (code, state) => {
    for (const isWelcomed of [true, false]) {
      const world = new World();
      const tested = world.client();
      tested.client.connect();
      if (isWelcomed) world.socket.welcome();
      else world.socket.accept();
      world.socket.end(code, 'because');
      const cause = code === 1006 ? 'network' : 'server';
      expect(tested.last).toMatchObject({ to: state, cause, code, reason: 'because' });
      world.clock.advance(5_000);
      expect(world.sockets).toHaveLength(state === 'waiting' ? 2 : 1);
    }
  });

  it('asks the application about its own codes, and about no others', () => {
    const asked: [number, string][] = [];
    const comesBack = (code: number, reason: string): boolean => {
      asked.push([code, reason]);
      return code === 3001;
    };
    for (const [code, state] of [
      [3001, 'waiting'],
      [4601, 'closed'],
      [4403, 'failed'],
      [1012, 'waiting'],
      [1000, 'closed'],
    ] as const) {
      const world = new World();
      const tested = world.client({ comesBack }).open();
      world.socket.end(code, 'why');
      expect(tested.client.state).toBe(state);
    }
    expect(asked).toEqual([
      [3001, 'why'],
      [4601, 'why'],
    ]);
  });

  it('does what the application does instead of answering', () => {
    const world = new World();
    const closing = world.client({
      comesBack: () => {
        closing.client.close();
        return true;
      },
    });
    closing.open();
    world.socket.end(3000);
    expect(closing.path).toBe('connecting open closed');
    expect(world.clock.pending).toBe(0);

    const again = world.client({
      comesBack: () => {
        again.client.close();
        again.client.connect();
        return true;
      },
    });
    again.open();
    world.socket.end(3000);
    expect(again.path).toBe('connecting open closed connecting');
    expect(world.live).toHaveLength(1);
  });
});

describe('after 4401 the client', () => {
  async function refused(token: Parameters<World['client']>[0]) {
    const world = new World();
    const tested = world.client(token);
    tested.client.connect();
    await settled();
    world.socket.accept().say('$error', { code: 'TOKEN_EXPIRED', message: 'Expired' }).end(4401);
    return { world, tested };
  }

  /** The next attempt, up to the point where it has a token. */
  async function nextAttempt({ world, tested }: Awaited<ReturnType<typeof refused>>) {
    tested.comeBack();
    await settled();
    return world.socket;
  }

  it.each([['abc'], [undefined]])('fails when there is nobody to ask for another token than %s', async (token) => {
    const { tested } = await refused({ token });
    expect(tested.last).toMatchObject({ to: 'failed', cause: 'server', code: 4401, error: { code: 'TOKEN_EXPIRED' } });
  });

  it('comes back once, with another token', async () => {
    let asked = 0;
    const given = await refused({ token: () => `t${++asked}` });
    expect(given.tested.last).toMatchObject({ to: 'waiting', code: 4401 });
    const socket = await nextAttempt(given);
    expect(socket.accept().sent).toEqual([{ event: '$hello', data: { token: 't2' } }]);
    socket.end(4401);
    expect(given.tested.last).toMatchObject({ to: 'failed', code: 4401 });
    expect(asked).toBe(2);
  });

  it('fails without another attempt when the token is the same', async () => {
    const given = await refused({ token: () => 'same' });
    await nextAttempt(given);
    expect(given.world.sockets).toHaveLength(1);
    const reason = 'the token provider gave the refused token again';
    expect(given.tested.last).toMatchObject({ error: { code: 'TOKEN_EXPIRED' } });
    expect(given.tested.last).toMatchObject({ from: 'connecting', to: 'failed', code: 4401, reason });
  });

  it('offers a token again that was not refused but lost its connection', async () => {
    const tokens = ['expired'];
    const given = await refused({ token: () => tokens.shift() ?? 'fresh' });
    (await nextAttempt(given)).accept().end(1006);
    const socket = await nextAttempt(given);
    socket.welcome();
    expect(socket.sent).toEqual([{ event: '$hello', data: { token: 'fresh' } }]);
    expect(given.tested.client.state).toBe('open');
  });

  it('may renew it again once a connection has been stable', async () => {
    let asked = 0;
    const given = await refused({ token: () => `t${++asked}` });
    (await nextAttempt(given)).welcome();
    given.world.clock.advance(9_999);
    given.world.socket.say('$ping', { n: 1 });
    given.world.clock.advance(1);
    given.world.socket.end(4401);
    expect(given.tested.last).toMatchObject({ to: 'waiting', attempts: 0 });
    expect((await nextAttempt(given)).accept().sent).toMatchObject([{ data: { token: 't3' } }]);
  });

  it('takes a connection that was not stable for a second refusal', async () => {
    let asked = 0;
    const given = await refused({ token: () => `t${++asked}` });
    (await nextAttempt(given)).welcome();
    given.world.clock.advance(9_999);
    given.world.socket.end(4401);
    expect(given.tested.client.state).toBe('failed');
  });

  it('begins anew when it is asked to', async () => {
    const given = await refused({ token: 'abc' });
    given.tested.client.connect();
    await settled();
    given.world.socket.welcome();
    expect(given.tested.client.state).toBe('open');
  });
});
