import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { decodeClose, encodeClose, encodeFrame, rawUpgrade, type RawUpgraded } from '../src/index.js';
import { plainServer } from './support/ws-server.js';

const silent = () => undefined;

async function upgraded(url: string, writeAfter?: Buffer): Promise<RawUpgraded> {
  const answer = await rawUpgrade(url, { writeAfter });
  if (!answer.upgraded) throw new Error(`refused with ${answer.status}`);
  return answer;
}

/** A TCP server that gives one answer and shows what it was sent. */
async function answeringOnce(answer: string, end: boolean) {
  const requests: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', silent);
    socket.once('data', (data) => {
      requests.push(data.toString());
      if (end) socket.end(answer);
      else socket.write(answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/path?q=1`,
    requests,
    [Symbol.dispose]: () => {
      server.close();
    },
  };
}

describe('rawUpgrade', () => {
  it('makes a handshake that a server accepts, and reads its frames', async () => {
    await using server = await plainServer((socket) => {
      socket.send('first');
      socket.send('x'.repeat(70_000));
      socket.close(4000, 'bye');
    });
    const { frames, headers, socket } = await upgraded(server.url);
    expect(headers['upgrade']).toBe('websocket');
    expect(await frames.next()).toEqual({
      opcode: 1,
      payload: Buffer.from('first'),
      fin: true,
      masked: false,
      rsv: 0,
    });
    expect((await frames.next()).payload).toHaveLength(70_000);
    const close = await frames.next();
    expect(close.opcode).toBe(8);
    expect(decodeClose(close.payload)).toEqual({ code: 4000, reason: 'bye' });
    socket.end(encodeFrame({ opcode: 8, payload: encodeClose(4000) }));
    await expect(frames.next()).rejects.toMatchObject({ code: 'CONNECTION_ENDED' });
  });

  it('sends frames in the packet of the handshake', async () => {
    const heads: number[] = [];
    await using server = await plainServer(
      (socket) => {
        socket.on('message', (message: Buffer) => {
          socket.send(message.toString());
        });
      },
      {},
      (_request, _socket, head, accept) => {
        heads.push(head.length);
        accept();
      },
    );
    const early = encodeFrame({ payload: 'early' });
    const { frames, socket } = await upgraded(server.url, early);
    expect(String((await frames.next()).payload)).toBe('early');
    expect(heads).toEqual([early.length]);
    socket.destroy();
  });

  it('gives status, headers and body of a refusal', async () => {
    await using server = await plainServer(silent);
    expect(await rawUpgrade(server.url, { version: '99' })).toMatchObject({
      upgraded: false,
      status: 400,
      headers: { 'content-length': '47' },
      body: 'Missing or invalid Sec-WebSocket-Version header',
    });
    expect(await rawUpgrade(server.url, { method: 'POST' })).toMatchObject({ status: 405 });
  });

  it('writes method, target and headers as they are', async () => {
    using server = await answeringOnce(
      'HTTP/1.1 400 Bad Request\r\nX: 1\r\nX: 2\r\nContent-Length: 2\r\n\r\nno',
      false,
    );
    const answer = await rawUpgrade(server.url, {
      method: 'PUT',
      path: '//',
      headers: { host: undefined, 'X-Twice': ['a', 'b'], 'sec-websocket-key': 'short' },
    });
    expect(answer).toEqual({ upgraded: false, status: 400, headers: { x: '1, 2', 'content-length': '2' }, body: 'no' });
    expect(server.requests[0]!.split('\r\n')).toEqual([
      'PUT // HTTP/1.1',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'X-Twice: a',
      'X-Twice: b',
      'sec-websocket-key: short',
      '',
      '',
    ]);
  });

  it('takes the end of the connection for the end of a body without length', async () => {
    using server = await answeringOnce('HTTP/1.1 503 Service Unavailable\r\n\r\nlater', true);
    expect(await rawUpgrade(server.url)).toMatchObject({ status: 503, body: 'later' });
    expect(server.requests[0]).toMatch(/^GET \/path\?q=1 HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
  });

  it('tells an incomplete answer from a missing one', async () => {
    using cut = await answeringOnce('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', true);
    await expect(rawUpgrade(cut.url)).rejects.toMatchObject({ code: 'CONNECTION_ENDED' });
    using mute = await answeringOnce('HTTP/1.1 200 OK\r\n', false);
    await expect(rawUpgrade(mute.url, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });
});
