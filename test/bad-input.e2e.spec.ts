import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Connection, ConnectionRegistry } from '@holdfast/gateway';
import {
  decodeClose,
  encodeClose,
  encodeFrame,
  rawUpgrade,
  TestClient,
  type WireFrame,
  type WireFrameSpec,
} from '@holdfast/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorData, expectNoCrash, Fenced, gate, serve, type Served, untilQuiet } from './support/dispatch.js';

expectNoCrash();

@WebSocketGateway({ path: '/echo' })
class EchoGateway extends Fenced {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    return data ?? null;
  }
}

const limits = { maxPayloadBytes: 1_024, inboxBytes: 65_536, maxFragments: 4, maxViolations: 3 };

let served: Served;
let bystander: TestClient;
let counted: Record<string, number>;

beforeAll(async () => {
  served = await serve([EchoGateway], { options: { messages: limits } });
});
afterAll(() => served[Symbol.asyncDispose]());

beforeEach(async () => {
  bystander = await TestClient.connect(served.url('/echo'));
  counted = served.counters.snapshot();
});

// Whatever the one did, the other is where it was.
afterEach(async () => {
  expect((await bystander.request('echo', 'still here')).data).toBe('still here');
  expect(await untilQuiet(bystander)).toEqual([]);
  await bystander.close();
});

/** What was counted since the test began. */
function countedOf(name: string): number {
  return (served.counters.snapshot()[name] ?? 0) - (counted[name] ?? 0);
}

/** The server has seen the end of it: the client may be there earlier. */
function endOf({ signal }: Connection): Promise<unknown> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', resolve);
  });
}

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

/** Frames that break a rule, the error they get, and the id that could be read. */
const violations: [what: string, frame: string | Buffer, code: string, id?: string | number][] = [
  ['text that is not JSON (3.9)', 'secret{', 'MALFORMED_FRAME'],
  ['nothing (3.9)', '', 'MALFORMED_FRAME'],
  ['JSON cut short (3.9)', '{"event":"echo","data":"secret', 'MALFORMED_FRAME'],
  ['an array (3.9)', '["echo","secret"]', 'MALFORMED_FRAME'],
  ['a string (3.9)', '"secret"', 'MALFORMED_FRAME'],
  ['a number (3.9)', '42', 'MALFORMED_FRAME'],
  ['null (3.9)', 'null', 'MALFORMED_FRAME'],
  ['no event (3.1)', '{"data":"secret","id":7}', 'MALFORMED_FRAME', 7],
  ['an empty event (3.1)', '{"event":"","id":7}', 'MALFORMED_FRAME', 7],
  ['an event that is no string (3.1)', '{"event":{"secret":1},"id":7}', 'MALFORMED_FRAME', 7],
  ['an event too long (3.1)', `{"event":"${'s'.repeat(129)}","id":7}`, 'MALFORMED_FRAME', 7],
  ['an id too long (3.1)', `{"event":"echo","id":"${'s'.repeat(65)}"}`, 'MALFORMED_FRAME'],
  ['an empty id (3.1)', '{"event":"echo","id":""}', 'MALFORMED_FRAME'],
  ['an id of null (3.5)', '{"event":"echo","id":null}', 'MALFORMED_FRAME'],
  ['an id that is a fraction (3.1)', '{"event":"echo","id":1.5}', 'MALFORMED_FRAME'],
  ['an id that is not safe (3.1)', '{"event":"echo","id":9007199254740993}', 'MALFORMED_FRAME'],
  ['an id that is an object (3.1)', '{"event":"echo","id":{"secret":1}}', 'MALFORMED_FRAME'],
  ['a room too long (3.1)', `{"event":"echo","room":"${'s'.repeat(257)}","id":7}`, 'MALFORMED_FRAME', 7],
  ['a negative offset (3.1)', '{"event":"echo","offset":-1,"id":"x"}', 'MALFORMED_FRAME', 'x'],
  ['a trace that is no string (3.1)', '{"event":"echo","trace":1,"id":"x"}', 'MALFORMED_FRAME', 'x'],
  ['data nested too deep (3.2)', `{"event":"echo","data":${nested(65)},"id":7}`, 'MALFORMED_FRAME', 7],
  ['bytes (3.8)', Buffer.from('{"event":"echo","id":7}'), 'BINARY_UNSUPPORTED'],
  ['an event nobody listens to (4.1)', '{"event":"secret","id":7}', 'UNKNOWN_EVENT', 7],
  ['an event of every object (4.1)', '{"event":"toString","id":7}', 'UNKNOWN_EVENT', 7],
  ['__proto__ (4.1)', '{"event":"__proto__","id":7}', 'UNKNOWN_EVENT', 7],
  ['$hello in plain mode (5.2)', '{"event":"$hello","data":{"token":"secret"},"id":7}', 'RESERVED_EVENT', 7],
  ['$reply in plain mode (5.2)', '{"event":"$reply","id":7}', 'RESERVED_EVENT', 7],
  ['$ping in plain mode (5.2)', '{"event":"$ping","data":{"n":1}}', 'RESERVED_EVENT'],
  ['an unknown reserved event (5.2)', '{"event":"$secret","id":"x"}', 'RESERVED_EVENT', 'x'],
];

describe('a frame that breaks a rule is answered, counted and repeats nothing (PROTOCOL 1.4, 7.3)', () => {
  it.each(violations)('%s', async (_what, frame, code, id) => {
    await using client = await TestClient.connect(served.url('/echo'));
    const connection = [...served.get(ConnectionRegistry)].at(-1)!;
    client.sendRaw(frame);
    const frames = await untilQuiet(client);
    expect(frames).toEqual([{ event: '$error', ...(id === undefined ? {} : { id }), data: errorData(code) }]);
    expect(JSON.stringify(frames)).not.toMatch(/secret|sss/);
    expect(countedOf(`violation:${code}`)).toBe(1);
    expect(connection.stats.violations).toBe(1);
    // The connection is as good as before.
    expect((await client.request('echo', 'fine')).data).toBe('fine');
    expect(served.log.of('error')).toEqual([]);
  });

  it('and what only looks as if it did is handled (PROTOCOL 3.2, 3.3, 3.7)', async () => {
    await using client = await TestClient.connect(served.url('/echo'));
    const deepest = JSON.parse(nested(64)) as unknown;
    client.sendRaw(`{"event":"echo","data":${nested(64)},"id":1}`);
    client.sendRaw('{"event":"echo","data":"[[[[","more":{"than":"asked"},"trace":"broken","id":2}');
    client.sendRaw('{"event":"nobody","event":"echo","data":1,"data":{"__proto__":{"polluted":true}},"id":3}');
    client.sendRaw(` \n{"event":"echo","id":"${'x'.repeat(64)}"}\t`);
    const frames = await untilQuiet(client);
    expect(frames.slice(0, 2)).toEqual([
      { event: '$reply', id: 1, data: deepest },
      { event: '$reply', id: 2, data: '[[[[' },
    ]);
    expect(frames[2]).toMatchObject({ event: '$reply', id: 3 });
    expect(frames[3]).toEqual({ event: '$reply', id: 'x'.repeat(64), data: null });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('too many violations (PROTOCOL 7.4)', () => {
  it('are all answered, and the one after the last that is allowed closes with 4400', async () => {
    await using client = await TestClient.connect(served.url('/echo'));
    const ended = endOf([...served.get(ConnectionRegistry)].at(-1)!);
    const frames = [
      'not json',
      Buffer.from('bytes'),
      '{"event":"nobody"}',
      '{"event":"$ping"}',
      '{"event":"echo","id":1}',
    ];
    for (const frame of frames) client.sendRaw(frame);
    const codes: unknown[] = [];
    for (let answer = 0; answer < 4; answer++) codes.push((await client.next()).data);
    expect(codes).toEqual(
      ['MALFORMED_FRAME', 'BINARY_UNSUPPORTED', 'UNKNOWN_EVENT', 'RESERVED_EVENT'].map((code) => errorData(code)),
    );
    expect((await client.closed).code).toBe(4400);
    await ended;
    // What came behind the last straw is neither handled nor counted (10.5).
    expect(client.waiting).toEqual([]);
    expect(countedOf('closed:BAD_MESSAGES')).toBe(1);
    expect(countedOf('violation:UNKNOWN_EVENT')).toBe(1);
  });

  it('are not the failures of requests', async () => {
    await using client = await TestClient.connect(served.url('/echo'));
    for (let id = 0; id < 20; id++) client.send({ event: 'echo', id, data: id });
    expect(await untilQuiet(client)).toHaveLength(20);
  });

  it('of one connection are not those of another', async () => {
    await using first = await TestClient.connect(served.url('/echo'));
    await using second = await TestClient.connect(served.url('/echo'));
    for (const client of [first, second]) for (let n = 0; n < 3; n++) client.sendRaw('not json');
    expect(await untilQuiet(first)).toHaveLength(3);
    expect(await untilQuiet(second)).toHaveLength(3);
  });

  it('are told although a handler is at work: they wait for no turn (PROTOCOL 11.2)', async () => {
    const hook = gate();
    @WebSocketGateway({ path: '/slow' })
    class SlowGateway extends Fenced {
      @SubscribeMessage('wait')
      wait(): Promise<void> {
        return hook.promise;
      }
    }
    await using slow = await serve([SlowGateway]);
    await using client = await TestClient.connect(slow.url('/slow'));
    client.send({ event: 'wait', id: 1 });
    client.sendRaw('not json');
    expect(await client.next()).toEqual({ event: '$error', data: errorData('MALFORMED_FRAME') });
    hook.open();
    expect(await untilQuiet(client)).toEqual([{ event: '$reply', id: 1, data: null }]);
  });
});

describe('a violation of RFC 6455 is a close, and no $error (PROTOCOL 3.10)', () => {
  const request = (bytes: number): string => {
    const empty = JSON.stringify({ event: 'echo', data: '' });
    return JSON.stringify({ event: 'echo', data: 'x'.repeat(bytes - empty.length) });
  };
  const fragment = (opcode: number, fin: boolean): WireFrameSpec => ({ opcode, fin, payload: '[' });
  it.each<[what: string, frames: WireFrameSpec[], close: number, name: string]>([
    ['a frame too big', [{ payload: request(1_025) }], 1009, 'TOO_BIG'],
    ['a frame that says it is too big', [{ payload: '', claimedLength: 1_025 }], 1009, 'TOO_BIG'],
    ['a frame that says it is bigger than anything', [{ payload: '', claimedLength: 2n ** 60n }], 1009, 'TOO_BIG'],
    [
      'fragments that are too big together',
      [
        { fin: false, payload: 'x'.repeat(600) },
        { opcode: 0, payload: 'x'.repeat(600) },
      ],
      1009,
      'TOO_BIG',
    ],
    [
      'too many fragments',
      [fragment(1, false), ...Array.from({ length: 5 }, () => fragment(0, false))],
      1008,
      'POLICY',
    ],
    ['text that is not UTF-8', [{ payload: Buffer.from([0x7b, 0xc3, 0x28, 0x7d]) }], 1007, 'INVALID_TEXT'],
    [
      'a close reason that is not UTF-8',
      [{ opcode: 8, payload: encodeClose(1000, Buffer.from([0xc3, 0x28])) }],
      1007,
      'INVALID_TEXT',
    ],
    ['a frame without a mask', [{ payload: request(100), mask: false }], 1002, 'PROTOCOL_ERROR'],
    ['a reserved opcode', [{ opcode: 3, payload: 'x' }], 1002, 'PROTOCOL_ERROR'],
    ['a reserved control opcode', [{ opcode: 11 }], 1002, 'PROTOCOL_ERROR'],
    ['a reserved bit', [{ payload: request(100), rsv: 1 }], 1002, 'PROTOCOL_ERROR'],
    ['compression that was not agreed', [{ payload: request(100), rsv: 4 }], 1002, 'PROTOCOL_ERROR'],
    ['a continuation of nothing', [{ opcode: 0, payload: 'x' }], 1002, 'PROTOCOL_ERROR'],
    ['a message inside a message', [fragment(1, false), { payload: 'x' }], 1002, 'PROTOCOL_ERROR'],
    ['a ping in fragments', [{ opcode: 9, fin: false }], 1002, 'PROTOCOL_ERROR'],
    ['a ping too long', [{ opcode: 9, payload: 'x'.repeat(126) }], 1002, 'PROTOCOL_ERROR'],
    ['a close code nobody may send', [{ opcode: 8, payload: encodeClose(1005) }], 1002, 'PROTOCOL_ERROR'],
    ['half a close code', [{ opcode: 8, payload: Buffer.from([3]) }], 1002, 'PROTOCOL_ERROR'],
  ])('%s', async (_what, frames, close, name) => {
    const answer = await rawUpgrade(served.url('/echo'));
    if (!answer.upgraded) throw new Error(answer.body);
    const connection = [...served.get(ConnectionRegistry)].at(-1)!;
    const ended = endOf(connection);
    answer.socket.write(Buffer.concat(frames.map(encodeFrame)));
    const frame: WireFrame = await answer.frames.next();
    expect(frame.opcode).toBe(8);
    expect(decodeClose(frame.payload).code).toBe(close);
    await ended;
    expect(connection.cause).toMatchObject({ code: close, name, initiator: 'server' });
    expect(countedOf(`closed:${name}`)).toBe(1);
    answer.socket.destroy();
  });

  it('the largest frame that is allowed is handled, fragments and all', async () => {
    const answer = await rawUpgrade(served.url('/echo'));
    if (!answer.upgraded) throw new Error(answer.body);
    const largest = request(1_024);
    answer.socket.write(
      Buffer.concat([
        encodeFrame({ payload: largest }),
        ...[0, 1, 2, 3].map((part) =>
          encodeFrame({
            opcode: part === 0 ? 1 : 0,
            fin: part === 3,
            payload: largest.slice(part * 256, (part + 1) * 256),
          }),
        ),
      ]),
    );
    for (const copy of [1, 2]) {
      const { payload } = await answer.frames.next();
      expect([copy, JSON.parse(payload.toString())]).toEqual([copy, JSON.parse(largest)]);
    }
    answer.socket.destroy();
  });
});

describe('before $welcome (PROTOCOL 6.3)', () => {
  it.each<[what: string, frame: string | Buffer, code: string]>([
    ['text that is not JSON', 'not json', 'MALFORMED_FRAME'],
    ['bytes', Buffer.from('bytes'), 'BINARY_UNSUPPORTED'],
    ['a message', '{"event":"echo"}', 'MALFORMED_FRAME'],
    ['an unknown event', '{"event":"nobody"}', 'MALFORMED_FRAME'],
    ['another reserved event', '{"event":"$ping","data":{"n":1}}', 'MALFORMED_FRAME'],
    ['a malformed $hello', '{"event":"$hello","data":{"token":7}}', 'MALFORMED_FRAME'],
  ])('%s is answered and closes with 4400', async (_what, frame, code) => {
    await using client = await TestClient.connect(served.url('/echo'), { protocols: ['holdfast.v1.json'] });
    client.sendRaw(frame);
    expect(await client.next()).toEqual({ event: '$error', data: errorData(code) });
    expect((await client.closed).code).toBe(4400);
    expect(countedOf(`violation:${code}`)).toBe(1);
    expect(client.waiting).toEqual([]);
  });
});
