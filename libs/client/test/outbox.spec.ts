import { describe, expect, it } from 'vitest';
import { codeOf, outcomeOf, World } from './support/world.js';

/** The size of a message that is only an event. */
const bytesOf = (event: string): number => new TextEncoder().encode(JSON.stringify({ event })).length;

describe('what is sent without a connection', () => {
  it('waits, and goes first and in order when there is one', async () => {
    const world = new World();
    const tested = world.client();
    const { client } = tested;
    expect(client.emit('first', 1)).toBe(true);
    client.connect();
    expect(client.emit('second', 2)).toBe(true);
    world.socket.accept();
    const asked = outcomeOf(client.request('third', 3));
    expect(client.queuedMessages).toBe(3);
    world.socket.end();
    tested.comeBack();
    world.socket.welcome();
    client.emit('fourth', 4);
    expect(world.socket.heard).toEqual([
      { event: 'first', data: 1 },
      { event: 'second', data: 2 },
      { event: 'third', data: 3, id: 1 },
      { event: 'fourth', data: 4 },
    ]);
    expect(client.queuedMessages).toBe(0);
    expect(client.droppedMessages).toBe(0);
    world.socket.say('$reply', 'heard', 1);
    expect(await asked).toBe('heard');
  });

  it('comes after what listeners send when the connection opens', () => {
    const world = new World();
    const { client } = world.client();
    client.on('$state', ({ to }) => {
      if (to === 'open') client.emit('join');
    });
    client.emit('say');
    client.connect();
    world.socket.welcome();
    expect(world.socket.heard.map(({ event }) => event)).toEqual(['join', 'say']);
  });

  it('stays when a listener ends the connection as it opens', () => {
    const world = new World();
    const tested = world.client();
    tested.client.on('$state', ({ to }) => {
      if (to === 'open' && world.sockets.length === 1) world.socket.end();
    });
    tested.client.emit('say');
    tested.client.connect();
    world.socket.welcome();
    expect(tested.client.queuedMessages).toBe(1);
    tested.comeBack();
    world.socket.welcome();
    expect(world.sockets[0]!.heard).toEqual([]);
    expect(world.socket.heard).toEqual([{ event: 'say' }]);
  });

  it.each([
    ['is closing', 2],
    ['is closed', 3],
  ])('waits also while the socket %s and has not said so', (_, readyState) => {
    const world = new World();
    const tested = world.client().open();
    world.socket.readyState = readyState;
    expect(tested.client.emit('say')).toBe(true);
    expect(tested.client.queuedMessages).toBe(1);
    expect(world.socket.heard).toEqual([]);
  });

  it('stays when the socket is closing already as it is welcomed', () => {
    const world = new World();
    const { client } = world.client();
    client.emit('say');
    client.connect();
    client.on('$state', () => (world.socket.readyState = 2));
    world.socket.welcome();
    expect(client.state).toBe('open');
    expect(client.queuedMessages).toBe(1);
    expect(world.socket.heard).toEqual([]);
  });
});

describe('an outbox that is full', () => {
  it('refuses the new one by number, and counts', async () => {
    const { client } = new World().client({ outbox: { maxMessages: 2 } });
    expect([client.emit('a'), client.emit('b'), client.emit('c')]).toEqual([true, true, false]);
    expect(await codeOf(client.request('d'))).toBe('OUTBOX_FULL');
    expect(client.queuedMessages).toBe(2);
    expect(client.droppedMessages).toBe(2);
  });

  it('refuses the new one by bytes of UTF-8', () => {
    const { client } = new World().client({ outbox: { maxBytes: bytesOf('ä€😀') + bytesOf('b') } });
    expect([client.emit('ä€😀'), client.emit('c!'), client.emit('b'), client.emit('d')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(client.droppedMessages).toBe(2);
  });

  it('keeps 256 messages unless told otherwise', () => {
    const { client } = new World().client();
    for (let i = 0; i < 300; i++) client.emit('a');
    expect(client.queuedMessages).toBe(256);
    expect(client.droppedMessages).toBe(44);
  });

  it('drops the oldest when it is told so, and tells those who asked', async () => {
    const world = new World();
    const { client } = world.client({ outbox: { maxMessages: 2, overflow: 'drop-oldest' } });
    const oldest = codeOf(client.request('a'));
    client.emit('b');
    expect(client.emit('c')).toBe(true);
    expect(await oldest).toBe('OUTBOX_FULL');
    expect(client.emit('d')).toBe(true);
    expect(client.queuedMessages).toBe(2);
    expect(client.droppedMessages).toBe(2);
    client.connect();
    world.socket.welcome();
    expect(world.socket.heard).toEqual([{ event: 'c' }, { event: 'd' }]);
  });

  it('drops as many of the oldest as make room, and none for what never fits', () => {
    const maxBytes = 3 * bytesOf('a');
    const { client } = new World().client({ outbox: { maxBytes, overflow: 'drop-oldest' } });
    for (const event of ['a', 'b', 'c']) client.emit(event);
    expect(client.emit('d'.repeat(maxBytes))).toBe(false);
    expect(client.queuedMessages).toBe(3);
    expect(client.emit('wide')).toBe(true);
    expect(client.queuedMessages).toBe(2);
    expect(client.droppedMessages).toBe(3);
  });

  it.each([['refuse'], ['drop-oldest']] as const)('of no size keeps nothing: %s', (overflow) => {
    for (const outbox of [
      { maxMessages: 0, overflow },
      { maxBytes: 0, overflow },
    ]) {
      const world = new World();
      const { client } = world.client({ outbox });
      expect(client.emit('a')).toBe(false);
      expect(client.queuedMessages).toBe(0);
      expect(client.droppedMessages).toBe(1);
    }
  });

  it('of no size does not keep a connected client from sending', () => {
    const world = new World();
    const { client } = world.client({ outbox: { maxMessages: 0 } }).open();
    expect(client.emit('a')).toBe(true);
    expect(world.socket.heard).toEqual([{ event: 'a' }]);
  });

  it('has room again for what was given up', async () => {
    const { client } = new World().client({ outbox: { maxMessages: 1 } });
    const controller = new AbortController();
    const given = codeOf(client.request('a', 1, { signal: controller.signal }));
    expect(client.emit('b')).toBe(false);
    controller.abort();
    expect(await given).toBe('ABORTED');
    expect(client.emit('c')).toBe(true);
  });
});

describe('a socket that does not get rid of what it was given', () => {
  it('takes no more than the outbox may hold', async () => {
    const world = new World();
    const { client } = world.client({ outbox: { maxBytes: 100 } }).open();
    world.socket.bufferedAmount = 100 - bytesOf('a');
    expect(client.emit('a')).toBe(true);
    world.socket.bufferedAmount += 1;
    expect(client.emit('a')).toBe(false);
    expect(await codeOf(client.request('a'))).toBe('OUTBOX_FULL');
    expect(client.droppedMessages).toBe(2);
    expect(world.socket.heard).toHaveLength(1);
  });
});

describe('what is larger than the server takes (12.1)', () => {
  const limits = { maxPayloadBytes: 50 };
  const large = 'x'.repeat(50);

  it('is refused at once where that is known', async () => {
    const world = new World();
    const { client } = world.client().open({ limits });
    const refused = { code: 'PAYLOAD_TOO_LARGE', message: 'The server takes 50 bytes, not 73' };
    expect(() => client.emit('a', large)).toThrow(expect.objectContaining(refused));
    expect(await codeOf(client.request('a', large))).toBe('PAYLOAD_TOO_LARGE');
    expect(world.socket.heard).toEqual([]);
    expect(client.droppedMessages).toBe(0);
    expect(client.emit('a', 'x'.repeat(25))).toBe(true);
  });

  it('is dropped, told and counted when it is known too late', async () => {
    const world = new World();
    const tested = world.client();
    expect(tested.client.emit('a', large)).toBe(true);
    const asked = codeOf(tested.client.request('b', large));
    tested.client.emit('c');
    tested.open({ limits });
    expect(tested.errors).toMatchObject([{ code: 'PAYLOAD_TOO_LARGE' }]);
    expect(await asked).toBe('PAYLOAD_TOO_LARGE');
    expect(world.socket.heard).toEqual([{ event: 'c' }]);
    expect(tested.client.droppedMessages).toBe(2);
  });
});

describe('what cannot be sent at all', () => {
  it.each([[''], ['$hello'], ['$']])('has a name that no server takes: "%s"', async (event) => {
    const { client } = new World().client();
    expect(() => client.emit(event)).toThrow(expect.objectContaining({ code: 'MALFORMED_FRAME' }));
    expect(await codeOf(client.request(event))).toBe('MALFORMED_FRAME');
  });

  it.each([
    ['a function', () => 1, 'data is of type Function'],
    ['an asynchronous function', async () => Promise.resolve(), 'data is of type AsyncFunction'],
    ['a symbol', Symbol('x'), 'data is of type Symbol'],
    ['a typed array', new Uint8Array(2), 'data is of type Uint8Array'],
    ['a Buffer', Buffer.from('x'), 'data is of type Uint8Array'],
    ['an ArrayBuffer', new ArrayBuffer(2), 'data is of type ArrayBuffer'],
    ['a DataView', new DataView(new ArrayBuffer(2)), 'data is of type DataView'],
    ['a Map', new Map(), 'data is of type Map'],
    ['a Set', new Set(), 'data is of type Set'],
    ['a promise', Promise.resolve(1), 'data is of type Promise'],
    ['a Blob', new Blob([]), 'data is of type Blob'],
    ['one of them inside', { list: [1, { photo: new Float64Array(1) }] }, 'photo is of type Float64Array'],
  ])('is what JSON would lose: %s', (_, data, what) => {
    const { client } = new World().client();
    const message = `The data cannot be expressed in JSON: ${what}`;
    expect(() => client.emit('a', data)).toThrow(expect.objectContaining({ code: 'UNENCODABLE', message }));
  });

  it.each([[[1, [2]]], [new Date(0)], ['Map'], [{ at: new Date(0), none: undefined }], [null], [new Error('x')]])(
    'is not what JSON keeps: %j',
    (data) => {
      const world = new World();
      const tested = world.client().open();
      tested.client.emit('a', data);
      expect(world.socket.heard).toEqual([JSON.parse(JSON.stringify({ event: 'a', data }))]);
    },
  );

  it('cannot be expressed in JSON', async () => {
    const world = new World();
    const { client } = world.client();
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const data of [1n, circular]) {
      expect(() => client.emit('a', data)).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }));
      const outcome = await outcomeOf(client.request('a', data));
      expect(outcome).toMatchObject({ code: 'UNENCODABLE', cause: expect.any(TypeError) as unknown });
    }
    expect(client.queuedMessages).toBe(0);
    expect(world.clock.pending).toBe(0);
  });
});

describe('the end of the client', () => {
  it.each([
    ['close()', (tested: ReturnType<World['client']>) => tested.client.close(), 'closed'],
    ['a code to stay away', ({ world }: ReturnType<World['client']>) => world.socket.end(4403), 'failed'],
    ['a close in good order', ({ world }: ReturnType<World['client']>) => world.socket.end(1000), 'closed'],
  ] as const)('by %s drops what waits, with count, and takes nothing more', async (_, end, state) => {
    const world = new World();
    const tested = world.client();
    const { client } = tested;
    client.emit('a');
    const asked = codeOf(client.request('b'));
    client.connect();
    end(tested);
    expect(client.state).toBe(state);
    expect(client.queuedMessages).toBe(0);
    expect(client.droppedMessages).toBe(2);
    expect(await asked).toBe('CLOSED');
    expect(client.emit('c')).toBe(false);
    expect(await codeOf(client.request('d'))).toBe('CLOSED');
    client.connect();
    world.socket.welcome();
    expect(world.socket.heard).toEqual([]);
  });

  it('drops what waits also when a listener begins anew at once', async () => {
    const world = new World();
    const { client } = world.client();
    client.on('$state', ({ to }) => {
      if (to === 'failed') client.connect();
    });
    client.emit('old');
    const asked = codeOf(client.request('old'));
    client.connect();
    world.socket.end(4403);
    client.emit('new');
    world.socket.welcome();
    expect(await asked).toBe('CLOSED');
    expect(world.socket.heard).toEqual([{ event: 'new' }]);
  });
});
