import { describe, expect, it } from 'vitest';
import { heartbeat } from './support/scripted-socket.js';
import { outcomeOf, settled, World } from './support/world.js';

describe('a client', () => {
  it('does nothing before it is asked to', () => {
    const world = new World();
    const { client } = world.client();
    expect(client.state).toBe('idle');
    expect(world.sockets).toEqual([]);
    expect(world.watchers.size).toBe(0);
    expect(world.clock.pending).toBe(0);
  });

  it('offers the subprotocol, says hello first and alone, and is open when welcomed (2.4, 6.1 to 6.3)', () => {
    const world = new World();
    const { client, changes } = world.client();
    client.connect();
    client.emit('early');
    const { socket } = world;
    expect(socket.url).toBe('wss://example.test/chat');
    expect(socket.protocols).toEqual(['holdfast.v1.json']);
    expect(client.state).toBe('connecting');
    expect(client.connectionId).toBeUndefined();
    socket.accept();
    expect(socket.sent).toEqual([{ event: '$hello', data: {} }]);
    socket.say('$welcome', { connectionId: 'c-7', heartbeat, limits: { maxPayloadBytes: 99 } });
    expect(client.state).toBe('open');
    expect(client.connectionId).toBe('c-7');
    expect(socket.heard).toEqual([{ event: 'early' }]);
    expect(changes).toEqual([
      { from: 'idle', to: 'connecting', cause: 'connect', attempts: 0 },
      { from: 'connecting', to: 'open', cause: 'welcome', attempts: 0 },
    ]);
  });

  it('has no effect when it is asked to connect twice', () => {
    const world = new World();
    const { client, path } = world.client().open();
    client.connect();
    expect(world.sockets).toHaveLength(1);
    expect(path).toBe('connecting open');
  });

  it('closes in good order, at once and for good, and can begin anew', () => {
    const world = new World();
    const tested = world.client().open();
    const { socket } = world;
    tested.client.close();
    expect(tested.last).toEqual({ from: 'open', to: 'closed', cause: 'close', attempts: 0 });
    expect(socket.closedWith).toBe(1000);
    expect(tested.client.connectionId).toBeUndefined();
    tested.client.close();
    socket.end(1006).say('late');
    world.clock.advance(600_000);
    expect(tested.path).toBe('connecting open closed');
    tested.client.connect();
    world.socket.welcome({ connectionId: 'c-2' });
    expect(tested.client.connectionId).toBe('c-2');
  });

  it.each(['idle', 'connecting', 'open', 'waiting'])('leaves nothing behind when it is closed while %s', (state) => {
    const world = new World();
    const { client } = world.client();
    if (state !== 'idle') client.connect();
    if (state === 'open') world.socket.welcome();
    if (state === 'waiting') world.socket.end();
    expect(client.state).toBe(state);
    client.close();
    expect(client.state).toBe('closed');
    expect(world.clock.pending).toBe(0);
    expect(world.watchers.size).toBe(0);
    for (const { onopen, onmessage, onclose } of world.sockets) {
      expect([onopen, onmessage, onclose]).toEqual([null, null, null]);
    }
    // `ws` tells an error of a connection that is closed while it is made, and an error nobody listens to is the end.
    for (const { onerror } of world.sockets) expect(onerror).toBeTypeOf('function');
  });

  it('answers pings, and nothing but their number, from the code that handles messages (8.3)', () => {
    const world = new World();
    world.client().open();
    world.socket.say('$ping', { n: 41, ballast: 'x'.repeat(100) });
    expect(world.socket.sent.at(-1)).toEqual({ event: '$pong', data: { n: 41 } });
  });

  it('gives up an attempt that takes too long, and tries again', () => {
    const world = new World();
    const tested = world.client({ connectTimeoutMs: 4_000 });
    tested.client.connect();
    const first = world.socket.accept();
    world.clock.advance(3_999);
    expect(tested.client.state).toBe('connecting');
    world.clock.advance(1);
    expect(tested.last).toMatchObject({ to: 'waiting', cause: 'timeout', reason: 'no welcome within 4000 ms' });
    expect(first.isLive).toBe(false);
    tested.comeBack();
    expect(world.sockets).toHaveLength(2);
    expect(tested.last).toMatchObject({ to: 'connecting', cause: 'retry', attempts: 1 });
  });

  it('waits for ever when it may', () => {
    const world = new World();
    const { client } = world.client({ connectTimeoutMs: Infinity });
    client.connect();
    world.clock.advance(1e7);
    expect(client.state).toBe('connecting');
  });

  it('tells what the platform says of a broken connection', () => {
    const world = new World();
    const tested = world.client();
    tested.client.connect();
    world.socket.fail('Unexpected server response: 503');
    const told = { cause: 'network', code: 1006, reason: 'Unexpected server response: 503' };
    expect(tested.last).toMatchObject({ to: 'waiting', ...told });
  });

  it('takes a constructor that throws for an attempt in vain', () => {
    const world = new World();
    class Forbidden extends world.WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        throw new Error('the policy of the page forbids it');
      }
    }
    const tested = world.client({ WebSocket: Forbidden });
    tested.client.connect();
    const reason = 'Error: the policy of the page forbids it';
    expect(tested.last).toMatchObject({ from: 'connecting', to: 'waiting', cause: 'network', code: 1006, reason });
  });

  it.each([
    ['selects another subprotocol', 'the server selected another subprotocol', 'chat'],
    ['begins with something else', 'the first frame of the server is not $welcome', { event: 'hi' }],
    ['welcomes without what is needed', '$welcome: data.connectionId must be a string', { event: '$welcome' }],
    ['sends no frame', 'The server sent something that is no frame', 'nonsense'],
  ])('fails with 1002 when the server %s (6.2)', (_, reason, said) => {
    const world = new World();
    const tested = world.client();
    tested.client.connect();
    if (said === 'chat') world.socket.accept(said);
    else world.socket.accept().sayRaw(JSON.stringify(said));
    expect(tested.last).toMatchObject({ to: 'failed', cause: 'protocol', code: 1002, reason });
    // Browsers do not let pages say 1002.
    expect(world.socket.closedWith).toBeNull();
    expect(world.clock.pending).toBe(0);
  });

  it('tells what the server said before it closed', () => {
    const world = new World();
    const tested = world.client();
    tested.client.connect();
    world.socket.accept().say('$error', { code: 'FORBIDDEN', message: 'Not you' }).end(4403, 'forbidden');
    expect(tested.last).toMatchObject({ to: 'failed', cause: 'server', code: 4403, reason: 'forbidden' });
    expect(tested.last.error).toMatchObject({ code: 'FORBIDDEN', message: 'Not you' });
    expect(tested.errors).toEqual([]);
  });

  it('does not take an error for the reason when something else came after it', () => {
    const world = new World();
    const tested = world.client().open();
    world.socket.say('$error', { code: 'NOT_FOUND', message: 'No such room' }).say('said').end(4500);
    expect(tested.last).toMatchObject({ cause: 'server', code: 4500 });
    expect(tested.last.error).toBeUndefined();
  });

  it('does not take an error of a message for the reason of a network that breaks later', () => {
    const world = new World();
    const tested = world.client().open();
    world.socket.say('$error', { code: 'RATE_LIMITED', message: 'Too much', retryAfterMs: 60_000 }).end(1006);
    expect(tested.errors).toMatchObject([{ code: 'RATE_LIMITED', retryAfterMs: 60_000 }]);
    expect(tested.last.error).toBeUndefined();
    expect(tested.waitMs).toBeLessThan(1_000);
  });
});

describe('frames of the server that cannot be used', () => {
  it.each([
    ['no JSON', 'nonsense'],
    ['no object', '5'],
    ['null', 'null'],
    ['without an event', '{"data":1}'],
    ['binary, in a browser', new Blob(['{"event":"said"}'])],
    ['binary, in a browser that was told so', new TextEncoder().encode('{"event":"said"}').buffer],
    ['binary, with ws', Buffer.from('{"event":"said"}')],
    ['a ping without a number', '{"event":"$ping","data":{}}'],
    ['a drain without a window', '{"event":"$drain","data":{"retryAfterMs":1,"reason":"r"}}'],
    ['a refresh without a time', '{"event":"$refresh"}'],
    ['an error without a code', '{"event":"$error","data":{"message":"m"}}'],
  ])('are dropped and reported: %s (3.8, 7.6)', (_, data) => {
    const world = new World();
    const tested = world.client().open();
    const heard: unknown[] = [];
    tested.client.on('said', (said) => heard.push(said));
    const { length } = world.socket.sent;
    world.socket.sayRaw(data);
    expect(tested.errors).toMatchObject([{ code: 'MALFORMED_FRAME' }]);
    expect(heard).toEqual([]);
    expect(world.socket.sent).toHaveLength(length);
    expect(tested.client.state).toBe('open');
  });

  it('are ignored when a later server sends them: unknown reserved events (6.7)', () => {
    const world = new World();
    const tested = world.client().open();
    world.socket.say('$later', { thing: 1 }).say('$welcome', {});
    expect(tested.errors).toEqual([]);
    expect(tested.client.state).toBe('open');
  });
});

describe('a token', () => {
  it('goes with the hello of each attempt, asked for anew', async () => {
    const world = new World();
    let asked = 0;
    const tested = world.client({ token: async () => `t${++asked}` });
    tested.client.connect();
    await settled();
    expect(world.socket.accept().sent).toEqual([{ event: '$hello', data: { token: 't1' } }]);
    world.socket.end();
    tested.comeBack();
    await settled();
    expect(world.socket.accept().sent).toEqual([{ event: '$hello', data: { token: 't2' } }]);
  });

  it.each([
    ['a string', 'abc', { token: 'abc' }],
    ['a function', () => 'abc', { token: 'abc' }],
    ['a function that has none', () => undefined, {}],
  ])('may be %s', async (_, token, data) => {
    const world = new World();
    world.client({ token }).client.connect();
    await settled();
    expect(world.socket.accept().sent).toEqual([{ event: '$hello', data }]);
  });

  it('that nobody can give is an attempt in vain, with the reason', async () => {
    const world = new World();
    const tested = world.client({ token: () => Promise.reject(new Error('logged out')) });
    tested.client.connect();
    await settled();
    expect(tested.last).toMatchObject({ to: 'waiting', cause: 'token', error: { code: 'TOKEN_PROVIDER_FAILED' } });
    expect(tested.last.error?.cause).toEqual(new Error('logged out'));
    expect(world.sockets).toEqual([]);
  });

  it('that comes after the attempt was given up is of no use', async () => {
    const world = new World();
    const give: ((token: string) => void)[] = [];
    const tested = world.client({ token: () => new Promise<string>((resolve) => give.push(resolve)) });
    tested.client.connect();
    world.clock.advance(10_000);
    expect(tested.last).toMatchObject({ to: 'waiting', cause: 'timeout' });
    give[0]!('late');
    await settled();
    expect(world.sockets).toEqual([]);
    tested.comeBack();
    tested.client.close();
    give[1]!('later');
    await settled();
    expect(world.sockets).toEqual([]);
    expect(world.clock.pending).toBe(0);
  });

  it('whose provider closes the client is not asked for again', async () => {
    const world = new World();
    const tested = world.client({
      token: () => {
        tested.client.close();
        return 'abc';
      },
    });
    tested.client.connect();
    await settled();
    expect(tested.path).toBe('connecting closed');
    expect(world.sockets).toEqual([]);
    expect(await outcomeOf(tested.client.request('ask'))).toMatchObject({ code: 'CLOSED' });
  });
});
