import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { ConnectionEnded, HandshakeRefused, RequestFailed, TestClient, TimedOut } from '../src/index.js';
import { answering, plainServer } from './support/ws-server.js';

const silent = () => undefined;

function refusing(head: string, body: string) {
  return plainServer(silent, {}, (_request, socket) => {
    socket.end(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
  });
}

describe('the handshake', () => {
  it('presents token, origin, headers and subprotocols', async () => {
    const seen: Record<string, unknown>[] = [];
    await using server = await plainServer((_socket, request) => seen.push({ ...request.headers }));
    await using client = await TestClient.connect(server.url, {
      token: 't.o.k',
      origin: 'https://a.example',
      headers: { 'x-extra': '1' },
      protocols: ['one', 'two'],
    });
    expect(seen).toMatchObject([
      {
        authorization: 'Bearer t.o.k',
        origin: 'https://a.example',
        'x-extra': '1',
        'sec-websocket-protocol': 'one,two',
      },
    ]);
    expect(client.protocol).toBe('one');
  });

  it('says how it was refused, with a body in JSON', async () => {
    await using server = await refusing('429 Too Many Requests\r\nRetry-After: 7', '{"code":"RATE_LIMITED"}');
    const error: unknown = await TestClient.connect(server.url).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(HandshakeRefused);
    expect(error).toMatchObject({ status: 429, headers: { 'retry-after': '7' }, body: { code: 'RATE_LIMITED' } });
  });

  it('says how it was refused, with a body of text', async () => {
    await using server = await refusing('404 Not Found', 'nothing here');
    await expect(TestClient.connect(server.url)).rejects.toMatchObject({ status: 404, body: 'nothing here' });
  });

  it('tells a cut handshake and a server that is not there from a refusal', async () => {
    await using server = await plainServer(silent, {}, (_request, socket) => {
      socket.destroy();
    });
    await expect(TestClient.connect(server.url)).rejects.toBeInstanceOf(ConnectionEnded);
    const { url } = server;
    await server[Symbol.asyncDispose]();
    await expect(TestClient.connect(url)).rejects.toMatchObject({
      code: 'CONNECTION_ENDED',
      closeCode: 1006,
      cause: { code: 'ECONNREFUSED' },
    });
  });

  it('gives up on a server that never answers', async () => {
    await using server = await plainServer(silent, {}, silent);
    await expect(TestClient.connect(server.url, { timeoutMs: 50 })).rejects.toBeInstanceOf(ConnectionEnded);
  });
});

describe('frames', () => {
  it('misses none, not even those sent with the handshake, and finds them in any order', async () => {
    await using server = await plainServer((socket) => {
      for (const event of ['a', 'b', 'a']) socket.send(JSON.stringify({ event, data: event + event }));
    });
    await using client = await TestClient.connect(server.url);
    expect(await client.next('b')).toEqual({ event: 'b', data: 'bb' });
    expect(await client.next()).toEqual({ event: 'a', data: 'aa' });
    expect(await client.next('a')).toEqual({ event: 'a', data: 'aa' });
    expect(client.waiting).toEqual([]);
  });

  it('gives messages as they came, envelopes or not', async () => {
    await using server = await plainServer((socket) => {
      socket.send('no json');
      socket.send(Buffer.from([1, 2, 255]));
      socket.send('{"event":"x"}');
    });
    await using client = await TestClient.connect(server.url);
    expect(await client.next()).toEqual({ event: 'x' });
    expect(client.waiting).toEqual([undefined, undefined]);
    expect(await client.nextFrame()).toEqual({ data: Buffer.from('no json'), isBinary: false });
    expect(await client.nextFrame()).toEqual({ data: Buffer.from([1, 2, 255]), isBinary: true });
  });

  it('sends text as text and bytes as bytes', async () => {
    const received: [string, boolean][] = [];
    await using server = await plainServer((socket) => {
      socket.on('message', (message: Buffer, isBinary) => {
        received.push([message.toString(), isBinary]);
        if (received.length === 3) socket.send('{"event":"done"}');
      });
    });
    await using client = await TestClient.connect(server.url);
    client.send({ event: 'e', data: 1 });
    client.sendRaw('{');
    client.sendRaw(Buffer.from('b'));
    await client.next('done');
    expect(received).toEqual([
      ['{"event":"e","data":1}', false],
      ['{', false],
      ['b', true],
    ]);
  });

  it('names what came instead of what was waited for', async () => {
    await using server = await plainServer((socket) => {
      socket.send('{"event":"other"}');
    });
    await using client = await TestClient.connect(server.url);
    const error: unknown = await client.next('wanted', 50).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TimedOut);
    expect(String(error)).toContain('wanted (waiting instead: ["other"]) did not come within 50 ms');
    expect(await client.next('other')).toEqual({ event: 'other' });
  });

  it('does not wait for the answer to a request that is made after the end', async () => {
    await using server = await plainServer((socket) => socket.close(4000, 'enough'));
    await using client = await TestClient.connect(server.url);
    await client.closed;
    await expect(client.request('late')).rejects.toMatchObject({ closeCode: 4000 });
  });

  it('still has what came before the end, then says how it ended', async () => {
    await using server = await plainServer((socket) => {
      socket.send('{"event":"last"}');
      socket.close(4401, 'expired');
    });
    await using client = await TestClient.connect(server.url);
    const never = client.next('never');
    await expect(never).rejects.toMatchObject({ closeCode: 4401, reason: 'expired' });
    expect(await client.closed).toEqual({ code: 4401, reason: 'expired' });
    expect(await client.next()).toEqual({ event: 'last' });
    await expect(client.next()).rejects.toBeInstanceOf(ConnectionEnded);
  });
});

describe('requests', () => {
  it('are matched with their answers by id, in whatever order and shape these come', async () => {
    await using server = await plainServer((socket) => {
      const waiting: { id: string; event: string }[] = [];
      socket.on('message', (message: Buffer) => {
        waiting.push(JSON.parse(message.toString()) as { id: string; event: string });
        if (waiting.length < 2) return;
        for (const { id, event } of waiting.reverse()) {
          socket.send(JSON.stringify({ event: event === 'one' ? '$reply' : 'own-name', id, data: event }));
        }
      });
    });
    await using client = await TestClient.connect(server.url);
    const answers = await Promise.all([client.request('one', { a: 1 }), client.request('two')]);
    expect(answers).toMatchObject([
      { event: '$reply', data: 'one' },
      { event: 'own-name', data: 'two' },
    ]);
  });

  it('fail with the code, message and details of an error frame', async () => {
    await using server = await plainServer(
      answering(({ id }) => [
        {
          event: '$error',
          id,
          data: { code: 'BAD', message: 'no good', details: [{ field: 'text' }], retryAfterMs: 5 },
        },
      ]),
    );
    await using client = await TestClient.connect(server.url);
    const error: unknown = await client.request('say').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RequestFailed);
    expect(error).toMatchObject({ code: 'BAD', message: 'no good', details: [{ field: 'text' }], retryAfterMs: 5 });
  });

  it('collect a stream to its end', async () => {
    await using server = await plainServer(
      answering(({ id }) => [
        { event: '$next', id, data: 1 },
        { event: 'between' },
        { event: '$next', id, data: 2 },
        { event: '$end', id },
      ]),
    );
    await using client = await TestClient.connect(server.url);
    expect(await client.request('count')).toEqual({ event: '$end', id: '1', data: [1, 2] });
    expect(client.waiting).toEqual(['between']);
  });

  it('leave a second answer to be seen', async () => {
    await using server = await plainServer(
      answering(({ id }) => [
        { event: '$reply', id },
        { event: '$reply', id },
      ]),
    );
    await using client = await TestClient.connect(server.url);
    await client.request('once');
    expect(await client.next('$reply')).toMatchObject({ id: '1' });
  });

  it('end with the connection, or after their time', async () => {
    await using server = await plainServer(silent);
    await using client = await TestClient.connect(server.url);
    await expect(client.request('a', undefined, 30)).rejects.toMatchObject({ code: 'TIMED_OUT' });
    const pending = client.request('b');
    server.sockets[0]!.close(1012);
    await expect(pending).rejects.toMatchObject({ closeCode: 1012 });
  });
});

describe('SDK mode', () => {
  const welcoming = answering(({ event, data }) => {
    if (event === '$hello')
      return [
        { event: '$welcome', data: { hello: data } },
        { event: '$ping', data: 17 },
      ];
    return [{ event: 'saw', data: event }];
  });

  it('says hello with its token, keeps the welcome and answers pings', async () => {
    await using server = await plainServer(welcoming);
    await using client = await TestClient.connectSdk(server.url, { token: 't' });
    expect(client.protocol).toBe('holdfast.v1.json');
    expect(client.welcome).toEqual({ event: '$welcome', data: { hello: { token: 't' } } });
    expect(await client.next('saw')).toEqual({ event: 'saw', data: '$pong' });
    expect(client.waiting).toEqual([]);
  });

  it('leaves pings unanswered, and to be seen, when asked to', async () => {
    await using server = await plainServer(welcoming);
    await using client = await TestClient.connectSdk(server.url, { answerPings: false });
    expect(await client.next('$ping')).toEqual({ event: '$ping', data: 17 });
    client.send({ event: 'after' });
    expect(await client.next('saw')).toEqual({ event: 'saw', data: 'after' });
  });

  it('says with which code it was turned away in place of a welcome', async () => {
    await using server = await plainServer((socket) => {
      socket.on('message', () => {
        socket.close(4401, 'bad token');
      });
    });
    await expect(TestClient.connectSdk(server.url)).rejects.toMatchObject({ closeCode: 4401, reason: 'bad token' });
  });
});

describe('the end and the beats', () => {
  it('closes with a code, or without a close frame', async () => {
    const codes: number[] = [];
    await using server = await plainServer((socket) => {
      socket.on('close', (code) => codes.push(code));
    });
    const polite = await TestClient.connect(server.url);
    expect(await polite.close(4000, 'bye')).toEqual({ code: 4000, reason: 'bye' });
    const rude = await TestClient.connect(server.url);
    const gone = once(server.sockets[1]!, 'close');
    rude.terminate();
    await gone;
    expect(codes).toEqual([4000, 1006]);
    expect(await rude.closed).toEqual({ code: 1006, reason: '' });
  });

  it('answers protocol pings unless told not to', async () => {
    const ponged = new Set<WebSocket>();
    await using server = await plainServer((socket) => {
      socket.on('pong', () => ponged.add(socket));
      socket.on('message', () => {
        socket.send('{"event":"reply"}');
      });
      socket.ping();
    });
    await using healthy = await TestClient.connect(server.url);
    await using mute = await TestClient.connect(server.url, { answerPings: false });
    for (const client of [healthy, mute]) {
      client.sendRaw('x');
      await client.next('reply');
    }
    expect([...ponged]).toEqual([server.sockets[0]]);
  });

  it('reads nothing while it is paused', async () => {
    await using server = await plainServer(answering(() => [{ event: 'reply' }]));
    await using client = await TestClient.connect(server.url);
    client.pause();
    client.send({ event: 'e' });
    await expect(client.next('reply', 50)).rejects.toBeInstanceOf(TimedOut);
    client.resume();
    expect(await client.next('reply')).toEqual({ event: 'reply' });
  });
});
