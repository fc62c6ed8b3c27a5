import { errorCodes } from '@holdfast/protocol';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { PassThrough, type Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRefusal, type Refusal, refusals, writeRefusal } from '../../src/admission/refusal.js';
import { RefusedSockets } from '../../src/admission/refused-sockets.js';
import { TimerWheel } from '../../src/ground/timer-wheel.js';
import { ManualClock } from '../support/manual-clock.js';

const upgradeRequest = { connection: 'Upgrade', upgrade: 'websocket' };
const head = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

let server: Server;
let clock: ManualClock;
let refusedSockets: RefusedSockets;
let port: number;

beforeEach(async () => {
  clock = new ManualClock();
  refusedSockets = new RefusedSockets(new TimerWheel(clock));
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo); // Listening on TCP, so it is an address and a port.
});

afterEach(async () => {
  server.close();
  await once(server, 'close');
});

/** Refuses the next upgrade, and hands over the server's end of it. */
async function refuseNext(refusal: Refusal): Promise<Duplex> {
  const [, socket] = (await once(server, 'upgrade')) as [IncomingMessage, Duplex];
  writeRefusal(socket, refusal, refusedSockets);
  return socket;
}

async function answerTo(refusal: Refusal) {
  const refused = refuseNext(refusal);
  const sent = request({ port, host: '127.0.0.1', headers: upgradeRequest }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const body = await text(response);
  await closed(await refused);
  return { response, body, json: JSON.parse(body) as unknown };
}

async function closed(socket: Duplex): Promise<void> {
  // Not once(), which would reject with the error that a reset is meant to raise here.
  await new Promise<void>((resolve) => {
    if (socket.closed) resolve();
    else socket.on('close', resolve);
  });
  expect(socket.destroyed).toBe(true);
}

function peer(): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.write(head);
  return socket;
}

async function openConnections(): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}

describe('writeRefusal answers', () => {
  it('with status, JSON body and the headers of an answer that is the last', async () => {
    const { response, body, json } = await answerTo(refusals.handshakeRateLimited(1_200.5));
    const { message } = refusals.handshakeRateLimited(0);
    expect(response.statusCode).toBe(429);
    expect(response.statusMessage).toBe('Too Many Requests');
    expect(json).toEqual({ error: { code: 'HANDSHAKE_RATE_LIMITED', message, retryAfterMs: 1_201 } });
    expect(response.headers).toEqual({
      'cache-control': 'no-store',
      connection: 'close',
      'content-length': String(Buffer.byteLength(body)),
      'content-type': 'application/json; charset=utf-8',
      'retry-after': '2',
    });
  });

  it('426 with the protocol and version to use', async () => {
    const { response } = await answerTo(refusals.upgradeRequired());
    expect(response.statusCode).toBe(426);
    expect(response.headers).toMatchObject({
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      connection: 'close, Upgrade',
    });
  });

  it.each([
    [refusals.unauthorized(), 'Bearer realm="holdfast"'],
    [refusals.tokenExpired(), 'Bearer realm="holdfast", error="invalid_token"'],
    [{ ...refusals.unauthorized(), headers: { 'WWW-Authenticate': 'DPoP' } }, 'DPoP'],
  ])('401 %# with a challenge', async (refusal, challenge) => {
    const { response } = await answerTo(refusal);
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe(challenge);
  });

  it('without Retry-After when there is no time to come back', async () => {
    const { response, json } = await answerTo({ ...refusals.draining(0), retryAfterMs: Infinity });
    expect(response.headers['retry-after']).toBeUndefined();
    expect(json).not.toHaveProperty('error.retryAfterMs');
  });

  it('without letting a value begin a header, or a header replace the framing', async () => {
    const headers = {
      'X-Reason': 'a\r\nSet-Cookie: admin=1\r\n\r\n<html>é',
      'X-Bad\r\nSet-Cookie': 'admin=1',
      'Content-Length': '0',
      'Transfer-Encoding': 'chunked',
      Connection: 'keep-alive',
    };
    const { response, json } = await answerTo({
      code: 'MY_CODE',
      status: 403,
      message: 'a\r\nb: ünicode 🦀 \ud800',
      headers,
    });
    expect(response.headers['set-cookie']).toBeUndefined();
    expect(response.headers['x-reason']).toBe('a Set-Cookie: admin=1 <html>');
    expect(response.headers.connection).toBe('close');
    expect(response.headers['transfer-encoding']).toBeUndefined();
    expect(json).toEqual({ error: { code: 'MY_CODE', message: 'a\r\nb: ünicode 🦀 \ud800' } });
  });

  it.each([101, 200, 302, 0, 777, Number.NaN])('500 when the status is %d, which is no refusal', async (status) => {
    const { response } = await answerTo({ code: 'ODD', status, message: 'odd' });
    expect(response.statusCode).toBe(500);
  });
});

describe('writeRefusal gets rid of the socket', () => {
  it('as soon as the peer has read and closed, leaving no timer', async () => {
    const refused = refuseNext(refusals.forbidden());
    const client = connect({ port, host: '127.0.0.1' }).resume();
    client.write(head);
    await closed(await refused);
    expect(clock.pending).toBe(0);
    expect(await openConnections()).toBe(0);
  });

  it('after the deadline when the peer never reads nor closes', async () => {
    const client = peer();
    const socket = await refuseNext(refusals.forbidden());
    await once(socket, 'finish');
    // Up to a tick of the wheel early or late.
    clock.advance(899);
    expect(socket.destroyed).toBe(false);
    clock.advance(201);
    await closed(socket);
    expect(await openConnections()).toBe(0);
    client.destroy();
  });

  it('when the peer resets the connection, before or after the answer', async () => {
    const early = peer();
    const upgraded = once(server, 'upgrade') as Promise<[IncomingMessage, Duplex]>;
    const [, socket] = await upgraded;
    early.resetAndDestroy();
    await once(early, 'close');
    writeRefusal(socket, refusals.forbidden(), refusedSockets);
    await closed(socket);

    const late = peer();
    const refused = await refuseNext(refusals.forbidden());
    late.resetAndDestroy();
    await closed(refused);
    expect(clock.pending).toBe(0);
    expect(await openConnections()).toBe(0);
  });

  it('and still lets a peer read the answer that sent messages before it was refused', async () => {
    const refused = refuseNext(refusals.forbidden());
    const client = connect({ port, host: '127.0.0.1' });
    client.write(head);
    client.write(Buffer.alloc(200_000, 1));
    expect(await text(client)).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    await closed(await refused);
  });

  it('when it is gone already, or was answered by somebody else', async () => {
    const destroyed = new PassThrough();
    destroyed.destroy();
    writeRefusal(destroyed, refusals.forbidden(), refusedSockets);
    const ended = new PassThrough();
    ended.end();
    writeRefusal(ended, refusals.forbidden(), refusedSockets);
    await Promise.all([closed(destroyed), closed(ended)]);
    expect(clock.pending).toBe(0);
  });
});

describe('refused sockets', () => {
  /** Peers that never close. */
  function refuseMany(count: number): Duplex[] {
    const sockets = Array.from({ length: count }, () => new PassThrough({ allowHalfOpen: true }));
    for (const socket of sockets) writeRefusal(socket, refusals.forbidden(), refusedSockets);
    return sockets;
  }

  it('have one timer, however many there are, and each of them its second', () => {
    const early = refuseMany(500);
    clock.advance(600);
    const late = refuseMany(500);
    expect([refusedSockets.size, clock.pending]).toEqual([1_000, 1]);
    clock.advance(500);
    expect([early.every(({ destroyed }) => destroyed), late.some(({ destroyed }) => destroyed)]).toEqual([true, false]);
    expect([refusedSockets.size, clock.pending]).toEqual([500, 1]);
    clock.advance(600);
    expect(late.every(({ destroyed }) => destroyed)).toBe(true);
    expect([refusedSockets.size, clock.pending]).toEqual([0, 0]);
  });

  it('are no more than a thousand: the oldest goes for the newest', () => {
    const sockets = refuseMany(1_200);
    expect(refusedSockets.size).toBe(1_000);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual(sockets.map((_, index) => index < 200));
  });

  it('are all destroyed with the application, and those that are refused after it at once', () => {
    const sockets = refuseMany(3);
    refusedSockets.dispose();
    expect([...sockets, ...refuseMany(1)].every(({ destroyed }) => destroyed)).toBe(true);
    expect([refusedSockets.size, clock.pending]).toEqual([0, 0]);
  });
});

describe('refusals', () => {
  it('are one per code that can refuse a handshake, with the status of the catalogue', () => {
    const made = [
      ...[refusals.notReady(1), refusals.draining(1), refusals.pathNotFound(), refusals.upgradeRequired()],
      ...[refusals.badHandshake('x'), refusals.subprotocolUnsupported(['x']), refusals.originForbidden('x')],
      ...[refusals.tooManyConnections(), refusals.tooManyConnectionsPerIp(), refusals.tooManyConnectionsPerPrincipal()],
      ...[refusals.handshakeRateLimited(1), refusals.overloaded(1), refusals.handshakeTimeout(1)],
      ...[refusals.unauthorized(), refusals.tokenExpired(), refusals.forbidden(), refusals.internal()],
    ];
    const known = errorCodes.flatMap(({ code, httpStatus }) => (httpStatus === undefined ? [] : [[code, httpStatus]]));
    expect(made.map(({ code, status }) => [code, status])).toEqual(known.filter(([code]) => code !== 'UNAVAILABLE'));
    for (const { message } of made) expect(message).not.toBe('');
  });

  it('are told from errors that look like them', () => {
    expect(isRefusal(refusals.forbidden())).toBe(true);
    expect(isRefusal(Object.assign(new Error('x'), { code: 'ERR_BAD_REQUEST', status: 404 }))).toBe(false);
    for (const other of [undefined, null, 'x', 1, {}, { code: 'X', status: '400', message: 'x' }])
      expect(isRefusal(other)).toBe(false);
  });
});
