import { encodeClose, encodeFrame, TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  answerTo,
  closeCode,
  ended,
  endures,
  intrude,
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

const brokenText = Buffer.from([0x22, 0xc3, 0x28, 0x22]);
const fragment = (payload: string | Buffer, opcode: number, fin: boolean): Buffer =>
  encodeFrame({ payload, opcode, fin });
const close = (payload: Buffer): Buffer => encodeFrame({ opcode: 8, payload });

describe('a frame that breaks RFC 6455 (PROTOCOL.md 3.10)', () => {
  it.each<[string, number, Buffer]>([
    ['without a mask', 1002, encodeFrame({ payload: '{"event":"echo"}', mask: false })],
    ['with RSV1, as a compressed one has', 1002, encodeFrame({ payload: 'bomb', rsv: 4 })],
    ['with RSV2', 1002, encodeFrame({ payload: 'x', rsv: 2 })],
    ['with RSV3', 1002, encodeFrame({ payload: 'x', rsv: 1 })],
    ['with opcode 3', 1002, encodeFrame({ payload: 'x', opcode: 3 })],
    ['with opcode 11', 1002, encodeFrame({ payload: 'x', opcode: 11 })],
    ['that is a ping of 126 bytes', 1002, encodeFrame({ payload: 'x'.repeat(126), opcode: 9 })],
    ['that is a ping in parts', 1002, fragment('x', 9, false)],
    ['that continues nothing', 1002, fragment('x', 0, true)],
    ['that begins in the midst of another', 1002, Buffer.concat([fragment('"', 1, false), fragment('"', 1, true)])],
    ['that is a close with half a code', 1002, close(Buffer.from([3]))],
    ['that is a close with 999', 1002, close(encodeClose(999))],
    ['that is a close with 1005', 1002, close(encodeClose(1005))],
    ['that is a close with 1006', 1002, close(encodeClose(1006))],
    ['that is a close with 1015', 1002, close(encodeClose(1015))],
    ['that is a close with 5000', 1002, close(encodeClose(5000))],
    ['that is no UTF-8', 1007, encodeFrame({ payload: brokenText })],
    [
      'that is no UTF-8 across fragments',
      1007,
      Buffer.concat([fragment(brokenText.subarray(0, 2), 1, false), fragment(brokenText.subarray(2), 0, true)]),
    ],
    ['that is a close whose reason is no UTF-8', 1007, close(encodeClose(1000, brokenText))],
    ['one byte above the limit', 1009, encodeFrame({ claimedLength: 262_145 })],
    ['of 2^40 bytes', 1009, encodeFrame({ claimedLength: 2n ** 40n })],
    ['of 2^53 bytes', 1009, encodeFrame({ claimedLength: 2n ** 53n })],
    ['of 2^63 bytes', 1009, encodeFrame({ claimedLength: 2n ** 63n })],
    [
      'above the limit in parts',
      1009,
      Buffer.concat([fragment(Buffer.alloc(200_000, 32), 1, false), encodeFrame({ opcode: 0, claimedLength: 62_145 })]),
    ],
    ['of 1,025 fragments of a byte', 1008, fragments(1_025, ' ')],
    ['of 1,025 empty fragments', 1008, fragments(1_025, '')],
  ])('%s is closed with %i, and the connection with it', async (_name, code, bytes) => {
    const logged = server.lines.length;
    const { socket, frames } = await intrude(server);
    socket.write(bytes);
    expect(await closeCode(frames)).toBe(code);
    await ended(socket);
    socket.destroy();
    expect(server.lines.slice(logged)).toEqual([]);
  });

  it('is no matter when it is only unusual: 1,024 fragments, a ping among them, a length in too many bytes', async () => {
    const { socket, frames } = await intrude(server);
    const [head, tail] = ['{"event":"echo","id":1', '}'];
    const middle = fragments(1_023, ' ', false).subarray(fragment(' ', 0, false).length);
    socket.write(
      Buffer.concat([fragment(head, 1, false), encodeFrame({ opcode: 9 }), middle, fragment(tail, 0, true)]),
    );
    expect(await nextEnvelope(frames)).toEqual({ event: '$reply', data: null, id: 1 });
    const text = Buffer.from('{"event":"echo","id":2}');
    socket.write(Buffer.concat([Buffer.from([0x81, 0xfe, 0, text.length, 0, 0, 0, 0]), text]));
    expect(await nextEnvelope(frames)).toEqual({ event: '$reply', data: null, id: 2 });
    socket.destroy();
  });
});

it('pings that piled up while nothing was read are all answered', async () => {
  const { socket, frames } = await intrude(server);
  const pings = Array.from({ length: 250 }, (_, i) => encodeFrame({ opcode: 9, payload: String(i) }));
  socket.write(Buffer.concat(pings));
  for (let i = 0; i < pings.length; i++) {
    const { opcode, payload } = await frames.next();
    expect([opcode, payload.toString()]).toEqual([10, String(i)]);
  }
  socket.destroy();
});

function fragments(count: number, payload: string, fin = true): Buffer {
  const rest = Array.from({ length: count - 1 }, (_, i) => fragment(payload, 0, fin && i === count - 2));
  return Buffer.concat([fragment(payload, 1, false), ...rest]);
}

const badMessages: [string, string | Buffer, string][] = [
  ['is no JSON', '{"event":"echo"', 'MALFORMED_FRAME'],
  ['is null', 'null', 'MALFORMED_FRAME'],
  ['is a number', '42', 'MALFORMED_FRAME'],
  ['is a list', '[]', 'MALFORMED_FRAME'],
  ['is empty', '', 'MALFORMED_FRAME'],
  ['has no event', '{"data":1}', 'MALFORMED_FRAME'],
  ['has an event too long', `{"event":"${'e'.repeat(129)}"}`, 'MALFORMED_FRAME'],
  ['has null for an id', '{"event":"echo","id":null}', 'MALFORMED_FRAME'],
  ['has an unknown event', '{"event":"unheard-of"}', 'UNKNOWN_EVENT'],
  ['has the event of a prototype', '{"event":"__proto__"}', 'UNKNOWN_EVENT'],
  ['has a reserved event', '{"event":"$welcome"}', 'RESERVED_EVENT'],
  ['is binary', Buffer.from('{"event":"echo"}'), 'BINARY_UNSUPPORTED'],
];

describe('a message that cannot be used (PROTOCOL.md 7.4)', () => {
  it.each(badMessages)('because it %s is answered, and the connection goes on', async (_name, message, code) => {
    await using client = await TestClient.connect(server.url('/target'));
    client.sendRaw(message);
    expect(await client.next('$error')).toMatchObject({ data: { code } });
    expect(await client.request('echo', 'still here')).toMatchObject({ data: 'still here' });
  });

  it('is answered twenty times; after the next the connection is closed with 4400', async () => {
    await using client = await TestClient.connect(server.url('/target'));
    for (let i = 0; i < 20; i++) client.sendRaw(badMessages[i % badMessages.length]![1]);
    expect(await client.request('echo', 'still here')).toMatchObject({ data: 'still here' });
    client.sendRaw('null');
    expect(await client.closed).toMatchObject({ code: 4400 });
    expect(client.waiting).toHaveLength(21);
  });

  it('costs the log no line, however many come', async () => {
    await endures(server, 'bad messages', { memory: 60 }, async () => {
      for (let i = 0; i < 50; i++) {
        const { socket, frames } = await intrude(server);
        const bytes = badMessages.map(([, payload]) => encodeFrame({ payload, opcode: 1 }));
        socket.write(Buffer.concat([...bytes, ...bytes]));
        expect(await closeCode(frames)).toBe(4400);
        socket.destroy();
      }
    });
  });
});

describe('what the client sent (PROTOCOL.md 7.3)', () => {
  const secret = 'secret-4f1d';

  it('comes back in no error, whatever went wrong', async () => {
    await using client = await TestClient.connect(server.url('/target'));
    const messages = [
      ...['throw', 'reject', secret, `$${secret}`].map((event) => JSON.stringify({ event, id: secret, data: secret })),
      ...['throw', 'reject'].map((event) => JSON.stringify({ event, data: { [secret]: secret } })),
      `{"event":"echo","id":{"${secret}":1}}`,
      `${secret}{`,
      `"${secret}"`,
      `{"event":"${secret.repeat(20)}"}`,
    ];
    for (const message of messages) client.sendRaw(message);
    for (const message of messages) {
      const { id, ...error } = await client.next('$error');
      expect(JSON.stringify(error), message).not.toContain(secret);
      expect([undefined, secret]).toContain(id);
    }
  });

  it('is in no close reason either, nor in a refusal', async () => {
    const { socket, frames } = await intrude(server);
    socket.write(Buffer.concat(Array.from({ length: 21 }, () => textFrame({ event: secret }))));
    let last = await frames.next();
    while (last.opcode !== 8) last = await frames.next();
    expect(last.payload.toString()).not.toContain(secret);
    socket.destroy();
    const host = 'Host: 127.0.0.1\r\n';
    for (const request of [
      `GET /${secret} HTTP/1.1\r\n${host}${upgradeHeaders}`,
      `GET /target HTTP/1.1\r\nHost: ${secret}/\r\n${upgradeHeaders}`,
      `GET /target HTTP/1.1\r\n${host}${upgradeHeaders}Origin: https://${secret}.example\r\n`,
      `GET /target HTTP/1.1\r\n${host}${upgradeHeaders}Sec-WebSocket-Protocol: ${secret}\r\n`,
    ]) {
      const answer = await answerTo(server, `${request}\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).not.toContain(secret);
    }
  });

  it('is worth a bounded number of lines when a handler fails on it', async () => {
    await using client = await TestClient.connect(server.url('/target'));
    const before = server.lines.length;
    for (let i = 0; i < 1_000; i++) client.send({ event: 'throw', id: i });
    for (let i = 0; i < 1_000; i++)
      expect(await client.next('$error')).toMatchObject({ id: i, data: { code: 'INTERNAL' } });
    const errors = server.lines.slice(before).filter((line) => line.includes('ERROR'));
    expect(errors.length).toBeLessThanOrEqual(10);
    // With their stacks.
    expect(server.lines.length - before).toBeLessThan(200);
  });
});

describe('messages whose handlers take 300, 10, 150 and 50 ms', () => {
  it('are answered in the order in which they came (PROTOCOL.md 11.1)', async () => {
    const { socket, frames } = await intrude(server);
    const times = [300, 10, 150, 50];
    for (const [id, data] of times.entries()) socket.write(textFrame({ event: 'work', data, id }));
    for (const [id, data] of times.entries()) {
      expect(await nextEnvelope(frames)).toEqual({ event: '$reply', data, id });
    }
    socket.destroy();
  });
});
