import { once } from 'node:events';
import { encodeFrame, HandshakeRefused, rawUpgrade, type RawRefusal, TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  answerTo,
  dial,
  endures,
  ended,
  freshAddress,
  nextEnvelope,
  textFrame,
  upgradeHeaders,
} from './support/hostile.js';
import { ServerProcess } from './support/server-process.js';

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const strangeRequests = {
  'GET //': `GET // HTTP/1.1\r\nHost: a\r\n${upgradeHeaders}\r\n`,
  'Host: [': `GET /target HTTP/1.1\r\nHost: [\r\n${upgradeHeaders}\r\n`,
};

describe.each(Object.entries(strangeRequests))('an upgrade with %s', (name, request) => {
  it('is survived a hundred times with a reset behind it', async () => {
    await endures(server, `${name} and reset`, { memory: 40 }, async () => {
      for (let i = 0; i < 100; i++) {
        const socket = dial(server);
        await once(socket, 'connect');
        socket.write(request);
        // Every other one after the answer, so that the reset meets the server before and after its own end.
        if (i % 2 === 1) await once(socket, 'data');
        socket.resetAndDestroy();
      }
    });
  });

  it('holds no descriptor of the server, even if the client never ends the connection', async () => {
    await endures(server, `${name} held open`, { memory: 40 }, async () => {
      const before = server.descriptors;
      const sockets = Array.from({ length: 100 }, () => dial(server));
      await Promise.all(
        sockets.map(async (socket) => {
          await once(socket, 'connect');
          socket.write(request);
        }),
      );
      await expect.poll(() => server.descriptors, { timeout: 5_000 }).toBeLessThanOrEqual(before);
      for (const socket of sockets) socket.destroy();
    });
  });
});

describe('an odd handshake (PROTOCOL.md 2.1)', () => {
  const line = 'GET /target HTTP/1.1\r\n';
  const host = 'Host: 127.0.0.1\r\n';

  it.each([
    ['an absolute URL', `GET http://elsewhere/target HTTP/1.1\r\n${host}${upgradeHeaders}`, 101],
    ['an empty body', `${line}${host}${upgradeHeaders}Content-Length: 0\r\n`, 101],
    ['the wrong path', `GET /nowhere HTTP/1.1\r\n${host}${upgradeHeaders}`, 404, 'PATH_NOT_FOUND'],
    ['no Host', `${line}${upgradeHeaders}`, 400, 'BAD_HANDSHAKE'],
    ['two Hosts', `${line}${host}Host: elsewhere\r\n${upgradeHeaders}`, 400, 'BAD_HANDSHAKE'],
    ['a broken Host', `${line}Host: [\r\n${upgradeHeaders}`, 400, 'BAD_HANDSHAKE'],
    ['HTTP/1.0', `GET /target HTTP/1.0\r\n${host}${upgradeHeaders}`, 400, 'BAD_HANDSHAKE'],
    ['HTTP/2.0', `GET /target HTTP/2.0\r\n${host}${upgradeHeaders}`, 400, 'BAD_HANDSHAKE'],
    ['a no-break space', `${line}${host}${upgradeHeaders.replace('websocket', 'websocket\xa0')}`, 426, 'UPGRADE_REQ'],
    ['POST', `POST /target HTTP/1.1\r\n${host}${upgradeHeaders}`, 426, 'UPGRADE_REQUIRED'],
    ['version 8', `${line}${host}${upgradeHeaders.replace('13', '8')}`, 426, 'UPGRADE_REQUIRED'],
    ['version 99', `${line}${host}${upgradeHeaders.replace('13', '99')}`, 426, 'UPGRADE_REQUIRED'],
    ['a bad key', `${line}${host}${upgradeHeaders.replace('==', '')}`, 400, 'BAD_HANDSHAKE'],
    ['no key', `${line}${host}${upgradeHeaders.replace('Key', 'Quay')}`, 400, 'BAD_HANDSHAKE'],
    [
      'two keys',
      `${line}${host}${upgradeHeaders}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`,
      400,
      'BAD_HANDSHAKE',
    ],
    ['Transfer-Encoding', `${line}${host}${upgradeHeaders}Transfer-Encoding: chunked\r\n`, 400, 'BAD_HANDSHAKE'],
    ['a body', `${line}${host}${upgradeHeaders}Content-Length: 5\r\n`, 400, 'BAD_HANDSHAKE'],
    ['a foreign origin', `${line}${host}${upgradeHeaders}Origin: https://evil.example\r\n`, 403, 'ORIGIN_FORBIDDEN'],
    ['a broken origin', `${line}${host}${upgradeHeaders}Origin: //\r\n`, 403, 'ORIGIN_FORBIDDEN'],
    ['another subprotocol', `${line}${host}${upgradeHeaders}Sec-WebSocket-Protocol: mqtt\r\n`, 400, 'SUBPROTOCOL'],
    // These never get as far as Holdfast: the parser of Node has the last word.
    [
      'a body with two lengths',
      `${line}${host}${upgradeHeaders}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n`,
      400,
    ],
    ['a folded header', `${line}${host}${upgradeHeaders}X-Folded: a\r\n b\r\n`, 400],
    ['bare line feeds', `${line}${host}${upgradeHeaders}X-Bare: a\nX-Next: b\r\n`, 400],
    ['a NUL', `${line}${host}${upgradeHeaders}X-Nul: a\0b\r\n`, 400],
    ['17 kB of headers', `${line}${host}${upgradeHeaders}X-Long: ${'a'.repeat(17_000)}\r\n`, 431],
  ])('with %s gets the right answer', async (_name, head, status, code?: string) => {
    const logged = server.lines.length;
    const answer = await answerTo(server, `${head}\r\n`);
    expect(answer.slice(0, 13)).toBe(`HTTP/1.1 ${status} `);
    if (code !== undefined) expect(answer.split('\r\n\r\n')[1]).toContain(`{"error":{"code":"${code}`);
    if (status === 426) expect(answer).toMatch(/sec-websocket-version: 13\r\n/i);
    expect(server.lines.length).toBe(logged);
  });

  it('that offers compression gets none', async () => {
    const upgraded = await rawUpgrade(server.url('/target'), {
      headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' },
    });
    expect(upgraded).toMatchObject({ upgraded: true });
    expect(upgraded.headers).not.toHaveProperty('sec-websocket-extensions');
    if (upgraded.upgraded) upgraded.socket.destroy();
  });
});

describe('frames in the same segment as the handshake (PROTOCOL.md 2.6)', () => {
  it.each(['/target', '/late'])('are handled in order on %s', async (path) => {
    const frames = [1, 2, 3].map((id) => textFrame({ event: 'echo', data: 'early', id }));
    const upgraded = await rawUpgrade(server.url(path), { writeAfter: Buffer.concat(frames) });
    if (!upgraded.upgraded) throw new Error('refused');
    for (const id of [1, 2, 3]) {
      expect(await nextEnvelope(upgraded.frames)).toEqual({ event: '$reply', data: 'early', id });
    }
    upgraded.socket.destroy();
  });

  it('are refused like any others when they break the rules', async () => {
    const upgraded = await rawUpgrade(server.url('/target'), { writeAfter: encodeFrame({ opcode: 3 }) });
    if (!upgraded.upgraded) throw new Error('refused');
    expect(await upgraded.frames.next()).toMatchObject({ opcode: 8 });
    upgraded.socket.destroy();
  });
});

describe('a crowd from one address', () => {
  it('may make a hundred handshakes in ten seconds, and 1,900 more are told when to come back', async () => {
    const refused = await endures(server, '2,000 handshakes', { memory: 80 }, async () => {
      const { admitted, refusals } = await crowd(server, 2_000);
      expect(admitted).toBe(100);
      return refusals;
    });
    for (const { status, headers, body } of refused) {
      expect(status).toBe(429);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      expect(JSON.parse(body)).toMatchObject({ error: { code: 'HANDSHAKE_RATE_LIMITED' } });
    }
  });

  it('may have two hundred connections, however slowly they came', async () => {
    await using unhurried = await ServerProcess.start({
      admission: { handshakeRate: { limit: 1_000_000, windowMs: 1_000 } },
    });
    await endures(unhurried, '2,000 connections', { memory: 80 }, async () => {
      const { admitted, refusals } = await crowd(unhurried, 2_000, async () => {
        // Full for this address, not for the next.
        const neighbour = await rawUpgrade(unhurried.url('/target'), { localAddress: freshAddress() });
        expect(neighbour.status).toBe(101);
        if (neighbour.upgraded) neighbour.socket.destroy();
      });
      expect(admitted).toBe(200);
      const codes = new Set(refusals.map(({ status, body }) => `${status} ${body.slice(0, 46)}`));
      expect([...codes]).toEqual(['429 {"error":{"code":"TOO_MANY_CONNECTIONS_PER_IP"']);
    });
  });
});

async function crowd(
  target: ServerProcess,
  size: number,
  meanwhile?: () => Promise<void>,
): Promise<{ admitted: number; refusals: RawRefusal[] }> {
  const localAddress = freshAddress();
  const refusals: RawRefusal[] = [];
  const admitted = [];
  for (let i = 0; i < size; i += 100) {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => rawUpgrade(target.url('/target'), { localAddress })),
    );
    for (const answer of answers) {
      if (answer.upgraded) admitted.push(answer.socket);
      else refusals.push(answer);
    }
  }
  await meanwhile?.();
  for (const socket of admitted) socket.destroy();
  return { admitted: admitted.length, refusals };
}

it('a client that is refused for its origin hears it as an HTTP answer, not as a broken connection', async () => {
  const refused = await TestClient.connect(server.url('/target'), { origin: 'https://evil.example' }).catch(
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(HandshakeRefused);
  expect(refused).toMatchObject({ status: 403, body: { error: { code: 'ORIGIN_FORBIDDEN' } } });
});

describe('a slow handshake (PROTOCOL.md 2.3)', () => {
  it('is cut without an answer after its deadline, three hundred of them too', async () => {
    const handshakeTimeoutMs = 1_000;
    await using hasty = await ServerProcess.start({ admission: { handshakeTimeoutMs } });
    await endures(hasty, '300 slow handshakes', { memory: 40 }, async () => {
      const begun = performance.now();
      const openings = ['', 'GET /target HTT', `GET /target HTTP/1.1\r\n${upgradeHeaders}`];
      const sockets = Array.from({ length: 300 }, (_, i) => {
        const socket = dial(hasty);
        socket.write(openings[i % 3] ?? '');
        return socket;
      });
      const drip = setInterval(() => {
        for (let i = 2; i < sockets.length; i += 3) if (sockets[i]?.writable) sockets[i]?.write('X-Drip: 1\r\n');
      }, 200);
      const said: Buffer[] = [];
      for (const socket of sockets) socket.on('data', (chunk) => said.push(chunk));
      await Promise.all(sockets.map(ended));
      clearInterval(drip);
      expect(performance.now() - begun).toBeGreaterThan(handshakeTimeoutMs - 100);
      expect(performance.now() - begun).toBeLessThan(handshakeTimeoutMs + 2_000);
      expect(said).toEqual([]);
      for (const socket of sockets) socket.destroy();
    });
  });
});
