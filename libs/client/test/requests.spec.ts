import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { codeOf, outcomeOf, settled, World } from './support/world.js';

function opened() {
  const world = new World();
  const tested = world.client().open();
  return { world, tested, client: tested.client, socket: world.socket };
}

describe('a request', () => {
  it('is answered with what the handler returned (4.2)', async () => {
    const { client, socket } = opened();
    const asked = outcomeOf(client.request('ask', { n: 1 }));
    expect(socket.heard).toEqual([{ event: 'ask', id: 1, data: { n: 1 } }]);
    socket.say('$reply', { answer: 42 }, 1);
    expect(await asked).toEqual({ answer: 42 });
  });

  it('is answered under a name of its own (4.2)', async () => {
    const { client, socket } = opened();
    const heard: unknown[] = [];
    client.on('joined', (data) => heard.push(data));
    const asked = outcomeOf(client.request('join'));
    socket.say('joined', { room: 'lobby' }, 1);
    expect(await asked).toEqual({ room: 'lobby' });
    expect(heard).toEqual([]);
  });

  it('is answered by the error of the server, with all it says (7.1)', async () => {
    const { client, socket } = opened();
    const asked = outcomeOf(client.request('ask'));
    socket.say('$error', { code: 'CONFLICT', message: 'Not the newest', details: { newest: 3 }, retryAfterMs: 5 }, 1);
    expect(await asked).toMatchObject({
      name: 'HoldfastError',
      code: 'CONFLICT',
      message: 'Not the newest',
      details: { newest: 3 },
      retryAfterMs: 5,
    });
  });

  it('is answered by an error also when that cannot be read', async () => {
    const { client, socket } = opened();
    const asked = codeOf(client.request('ask'));
    socket.say('$error', 'oops', 1);
    expect(await asked).toBe('MALFORMED_FRAME');
  });

  it('has an id that no other has, and each gets its own answer', async () => {
    const { client, socket } = opened();
    const asked = ['a', 'b', 'c'].map((event) => outcomeOf(client.request(event)));
    expect(socket.heard.map(({ id }) => id)).toEqual([1, 2, 3]);
    for (const id of [2, 3, 1]) socket.say('$reply', id * 10, id);
    expect(await Promise.all(asked)).toEqual([10, 20, 30]);
  });

  it('is not answered by what has no id, another one, or one of another type (3.5)', async () => {
    const { client, socket } = opened();
    const asked = outcomeOf(client.request('ask'));
    socket.say('$reply', 'none').say('$reply', 'other', 2).say('$reply', 'text', '1').say('$reply', 'mine', 1);
    expect(await asked).toBe('mine');
  });

  it('times out, and what comes later is dropped, whatever its name', async () => {
    const { world, client, socket, tested } = opened();
    const heard: unknown[] = [];
    client.on('answered', (data) => heard.push(data));
    const asked = codeOf(client.request('ask', 1, { timeoutMs: 500 }));
    world.clock.advance(500);
    socket.say('$reply', 'late', 1).say('answered', 'late', 1).say('$error', { code: 'X', message: 'late' }, 1);
    expect(await asked).toBe('REQUEST_TIMEOUT');
    expect(heard).toEqual([]);
    expect(tested.errors).toEqual([]);
  });

  it.each([
    ['the default', {}, undefined, 10_000],
    ['that of the client', { requestTimeoutMs: 700 }, undefined, 700],
    ['its own', { requestTimeoutMs: 700 }, 300, 300],
    ['its own when that is 0', { requestTimeoutMs: 700 }, 0, 0],
  ])('times out after %s, also when it was never sent', async (_, options, timeoutMs, expectedMs) => {
    const world = new World();
    const { client } = world.client(options);
    const asked = client.request('ask', 1, { timeoutMs });
    const caught = asked.catch((error: unknown) => error);
    if (expectedMs > 0) world.clock.advance(expectedMs - 1);
    expect(client.queuedMessages).toBe(1);
    world.clock.advance(1);
    const message = `No answer within ${expectedMs} ms: connect() was not called`;
    expect(await caught).toMatchObject({ code: 'REQUEST_TIMEOUT', message });
    expect(client.queuedMessages).toBe(0);
    expect(world.clock.pending).toBe(0);
  });

  it('says nothing of connect() when that was called', async () => {
    const world = new World();
    const { client } = world.client();
    client.connect();
    const caught = client.request('ask', 1, { timeoutMs: 1 }).catch((error: unknown) => error);
    world.clock.advance(1);
    expect(await caught).toMatchObject({ code: 'REQUEST_TIMEOUT', message: 'No answer within 1 ms' });
  });

  it('refuses an option that it does not have', async () => {
    const { client } = new World().client();
    // What JavaScript lets through.
    const options = { timeout: 5 } as object;
    expect(await outcomeOf(client.request('ask', 1, options))).toMatchObject({
      code: 'BAD_OPTION',
      message: 'timeout is not an option',
    });
  });

  it('waits for ever when it may', async () => {
    const world = new World();
    const tested = world.client().open({ heartbeat: { intervalMs: 0, graceMs: 0 } });
    const asked = tested.client.request('ask', 1, { timeoutMs: Infinity });
    world.clock.advance(1e7);
    world.socket.say('$reply', 'at last', 1);
    expect(await outcomeOf(asked)).toBe('at last');
  });

  it.each([[-1], [NaN], ['5' as unknown as number], [{} as number]])(
    'refuses a timeout of %s, and nothing is sent',
    async (timeoutMs) => {
      const { client, socket, world } = opened();
      const before = world.clock.pending;
      const outcome = await outcomeOf(client.request('ask', 1, { timeoutMs }));
      expect(outcome).toMatchObject({ code: 'BAD_OPTION', message: 'timeoutMs must be a number, 0 or more' });
      expect(socket.heard).toEqual([]);
      expect(world.clock.pending).toBe(before);
    },
  );
});

describe('a stream (4.2 to 4.4)', () => {
  it('calls with each value, and is answered with the last', async () => {
    const { client, socket } = opened();
    const values: unknown[] = [];
    const asked = outcomeOf(client.request('count', 3, { onNext: (value) => values.push(value) }));
    socket.say('$next', 1, 1).say('$next', 2, 1).say('tick', 3, 1).say('$end', undefined, 1).say('$next', 4, 1);
    expect(await asked).toBe(3);
    expect(values).toEqual([1, 2, 3]);
  });

  it.each([
    ['one value and an end', ['$next', '$end'], 'v'],
    ['a reply', ['$reply'], 'v'],
    ['an end alone', ['$end'], undefined],
  ])('of %s is an answer like any other', async (_, events, expected) => {
    const { client, socket } = opened();
    const asked = outcomeOf(client.request('ask'));
    for (const event of events) socket.say(event, event === '$end' ? undefined : 'v', 1);
    expect(await asked).toBe(expected);
  });

  it('may take its time after the first value, and only then', async () => {
    const { client, socket, world } = opened();
    const stream = client.request('a', 1, { timeoutMs: 100, onNext: () => {} });
    const silent = codeOf(client.request('b', 1, { timeoutMs: 100, onNext: () => {} }));
    world.clock.advance(99);
    socket.say('$next', 1, 1);
    world.clock.advance(20_000);
    expect(await silent).toBe('REQUEST_TIMEOUT');
    socket.say('$end', undefined, 1);
    expect(await outcomeOf(stream)).toBe(1);
  });

  it('that fails after some values ends with the error', async () => {
    const { client, socket } = opened();
    const values: unknown[] = [];
    const asked = codeOf(client.request('count', 3, { onNext: (value) => values.push(value) }));
    socket.say('$next', 1, 1).say('$error', { code: 'INTERNAL', message: 'oops' }, 1);
    expect(await asked).toBe('INTERNAL');
    expect(values).toEqual([1]);
  });
});

describe('a request that is aborted', () => {
  it('before it is made is not made', async () => {
    const { client, socket, world } = opened();
    const before = world.clock.pending;
    const reason = new Error('changed my mind');
    const asked = client.request('ask', 1, { signal: AbortSignal.abort(reason) });
    expect(await outcomeOf(asked)).toMatchObject({ code: 'ABORTED', cause: reason });
    expect(socket.heard).toEqual([]);
    expect(world.clock.pending).toBe(before);
  });

  it('before it is sent is not sent', async () => {
    const world = new World();
    const { client } = world.client();
    const controller = new AbortController();
    const asked = codeOf(client.request('ask', 1, { signal: controller.signal }));
    controller.abort();
    expect(await asked).toBe('ABORTED');
    expect(client.queuedMessages).toBe(0);
    expect(world.clock.pending).toBe(0);
  });

  it('after it was sent is given up, and its answer dropped', async () => {
    const { client, socket } = opened();
    const controller = new AbortController();
    const asked = outcomeOf(client.request('ask', 1, { signal: controller.signal }));
    const reason = new Error('enough');
    controller.abort(reason);
    socket.say('$reply', 'late', 1);
    expect(await asked).toMatchObject({ code: 'ABORTED', cause: reason });
  });

  it('after it was answered stays answered, and the signal is let go', async () => {
    const { client, socket } = opened();
    const controller = new AbortController();
    const { signal } = controller;
    const asked = client.request('ask', 1, { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    socket.say('$reply', 'yes', 1);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    controller.abort();
    expect(await asked).toBe('yes');
  });
});

describe('a request without an answer', () => {
  it('when the connection is lost rejects with why, for it may have had its effect (4.9)', async () => {
    const { client, socket, world, tested } = opened();
    const asked = outcomeOf(client.request('ask'));
    socket.end(1012, 'restart');
    const message = 'The client is waiting: server 1012 restart';
    expect(await asked).toMatchObject({ code: 'CONNECTION_LOST', message });
    tested.comeBack();
    world.socket.welcome();
    expect(world.socket.heard).toEqual([]);
  });

  it('that was never sent waits for the next connection', async () => {
    const { client, socket, world, tested } = opened();
    socket.end();
    const asked = outcomeOf(client.request('ask'));
    tested.comeBack();
    world.socket.end();
    tested.comeBack();
    world.socket.welcome().say('$reply', 'yes', 1);
    expect(await asked).toBe('yes');
  });

  it.each([['sent'], ['not sent']])('when the client is closed rejects with CLOSED: %s', async (when) => {
    const world = new World();
    const tested = world.client();
    if (when === 'sent') tested.open();
    const asked = outcomeOf(tested.client.request('ask'));
    tested.client.close();
    expect(await asked).toMatchObject({ code: 'CLOSED', message: 'The client is closed: close' });
  });

  it('when the client fails says why, and so does any that comes later', async () => {
    const world = new World();
    const tested = world.client();
    const asked = outcomeOf(tested.client.request('ask'));
    tested.client.connect();
    world.socket.accept().say('$error', { code: 'FORBIDDEN', message: 'Not you' }).end(4403, 'forbidden');
    const why = {
      code: 'CLOSED',
      message: 'The client is failed: server 4403 forbidden',
      cause: { code: 'FORBIDDEN', message: 'Not you' },
    };
    expect(await asked).toMatchObject(why);
    expect(await outcomeOf(tested.client.request('later'))).toMatchObject(why);
  });

  it('leaves nothing behind', async () => {
    const { client, world } = opened();
    const asked = [client.request('a'), client.request('b', 1, { timeoutMs: Infinity })].map(codeOf);
    client.close();
    expect(await Promise.all(asked)).toEqual(['CLOSED', 'CLOSED']);
    await settled();
    expect(world.clock.pending).toBe(0);
  });
});
