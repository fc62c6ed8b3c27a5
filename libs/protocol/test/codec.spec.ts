import { describe, expect, it } from 'vitest';
import { decode, defaultDecodeLimits, encode, type Envelope } from '../src/index.js';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function accept(text: string): Envelope {
  const result = decode(text);
  if (!result.ok) throw new Error(result.error.message);
  return result.envelope;
}

function refusal(frame: unknown): { message: string; id?: string | number } {
  const result = decode(typeof frame === 'string' ? frame : JSON.stringify(frame));
  if (result.ok) throw new Error('The frame was accepted');
  expect(result.error.code).toBe('MALFORMED_FRAME');
  return { message: result.error.message, ...('id' in result ? { id: result.id } : {}) };
}

function nested(depth: number): string {
  return `{"event":"e","id":1,"data":${'['.repeat(depth)}${']'.repeat(depth)}}`;
}

describe('decode', () => {
  it('3.1: reads every member of an envelope', () => {
    const envelope = { event: 'chat', data: { text: 'hi' }, id: 'a-1', room: 'lobby', offset: 0, trace: traceparent };
    expect(accept(JSON.stringify(envelope))).toStrictEqual(envelope);
  });

  it('3.1: tells absent data from null', () => {
    expect(accept('{"event":"e"}')).toStrictEqual({ event: 'e' });
    expect(accept('{"event":"e","data":null}')).toStrictEqual({ event: 'e', data: null });
  });

  it.each([
    ['an empty text', '', 'not valid JSON'],
    ['half a frame', '{"event":"e"', 'not valid JSON'],
    ['two frames', '{"event":"a"}{"event":"b"}', 'not valid JSON'],
    ['null', 'null', 'not null'],
    ['a number', '1', 'not an integer'],
    ['a text', '"secret"', 'not a string of 6'],
    ['an array', '["event","e"]', 'not an array'],
  ])('3.9: refuses %s', (_, text, words) => {
    const { message, ...rest } = refusal(text);
    expect(message).toContain(words);
    expect(rest).toEqual({});
  });

  it.each([
    ['event', {}, 'event must be a string of 1 to 128 characters, not nothing'],
    ['event', { event: '' }, 'event must be a string of 1 to 128 characters, not an empty string'],
    ['event', { event: 7 }, 'event must be a string of 1 to 128 characters, not an integer'],
    ['event', { event: 'x'.repeat(129) }, 'event must be a string of 1 to 128 characters, not a string of 129'],
    ['id', { event: 'e', id: null }, 'id must be a string of 1 to 64 characters or a safe integer, not null'],
    ['id', { event: 'e', id: '' }, 'not an empty string'],
    ['id', { event: 'e', id: 1.5 }, 'not a number'],
    ['id', { event: 'e', id: 2 ** 53 }, 'not a number'],
    ['id', { event: 'e', id: 'x'.repeat(65) }, 'not a string of 65'],
    ['id', { event: 'e', id: { toString: 'x' } }, 'not an object'],
    ['room', { event: 'e', room: true }, 'room must be a string of 1 to 256 characters, not a boolean'],
    ['room', { event: 'e', room: 'x'.repeat(257) }, 'not a string of 257'],
    ['offset', { event: 'e', offset: -1 }, 'offset must be a safe integer, 0 or more'],
    ['offset', { event: 'e', offset: '1' }, 'not a string of 1'],
    ['trace', { event: 'e', trace: [] }, 'trace must be a string, not an array'],
  ])('3.9: names %s and what is allowed when it is wrong', (member, frame, words) => {
    const { message } = refusal(frame);
    expect(message).toContain(words);
    expect(message.startsWith(`${member} must be `)).toBe(true);
  });

  it('3.9: refuses with the id when that was valid, so that the one who asked hears of it', () => {
    expect(refusal({ event: 7, id: 'a' }).id).toBe('a');
    expect(refusal({ id: 0 }).id).toBe(0);
    expect(refusal(nested(65)).id).toBe(1);
    expect(refusal({ event: 7, id: [] })).not.toHaveProperty('id');
  });

  it('3.1: takes names of the greatest length', () => {
    const envelope = { event: 'e'.repeat(128), id: 'i'.repeat(64), room: 'r'.repeat(256) };
    expect(accept(JSON.stringify(envelope))).toStrictEqual(envelope);
  });

  it('3.2: takes data of the greatest depth and no deeper', () => {
    expect(accept(nested(64))).toHaveProperty('data');
    expect(refusal(nested(65)).message).toContain('64 levels');
  });

  it('3.2: does not count brackets inside of strings', () => {
    const data = '[{'.repeat(500) + '\\"' + '[{'.repeat(500);
    expect(accept(JSON.stringify({ event: 'e', data }))).toStrictEqual({ event: 'e', data });
  });

  it('3.3: leaves out unknown members and takes the last of two', () => {
    expect(accept('{"event":"a","more":1,"event":"b"}')).toStrictEqual({ event: 'b' });
  });

  it('3.3: lets no __proto__ through to the envelope, nor to any other object', () => {
    const envelope = accept('{"__proto__":{"id":"x","admin":true},"event":"e","data":{"__proto__":{"admin":true}}}');
    expect(envelope).not.toHaveProperty('admin');
    expect(envelope.id).toBeUndefined();
    expect(Object.getPrototypeOf(envelope)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(envelope.data)).toBe(Object.prototype);
    expect({}).not.toHaveProperty('admin');
  });

  it.each([
    'nonsense',
    traceparent.toUpperCase(),
    traceparent.replace('00-', 'ff-'),
    `${traceparent}-more`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
  ])('3.7: drops the trace %s and keeps the message', (trace) => {
    expect(accept(JSON.stringify({ event: 'e', trace }))).toStrictEqual({ event: 'e' });
  });

  it('12.1: keeps to the limits it is given', () => {
    const limits = { ...defaultDecodeLimits, maxEventLength: 3, maxDepth: 1 };
    expect(decode('{"event":"abcd"}', limits).ok).toBe(false);
    expect(decode('{"event":"abc","data":[[]]}', limits).ok).toBe(false);
    expect(decode('{"event":"abc","data":[]}', limits).ok).toBe(true);
    expect(decode(nested(5000), { ...defaultDecodeLimits, maxDepth: Infinity, maxMembers: Infinity }).ok).toBe(true);
  });
});

describe('encode', () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  let tower: unknown = 'ground';
  for (let level = 0; level < 100_000; level++) tower = [tower];

  it.each<[string, unknown]>([
    ['BigInt', { amount: 1n }],
    ['a circle', circular],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw new Error('secret');
        },
      },
    ],
    [
      'a getter that throws',
      {
        get secret() {
          throw new Error('secret');
        },
      },
    ],
    [
      'something thrown that is no error',
      {
        toJSON: () => {
          throw null as unknown;
        },
      },
    ],
    ['a revoked proxy', revoked.proxy],
  ])('4.8: refuses %s, and keeps what happened from the wire', (_, data) => {
    const result = encode({ event: 'e', data });
    expect(result).toMatchObject({ ok: false, error: { code: 'UNENCODABLE' } });
    expect(JSON.stringify(!result.ok && result.error)).not.toContain('secret');
    expect(result).toHaveProperty('cause');
  });

  it('4.8: refuses data that is as deep as overflows the serializers of most engines', () => {
    expect(encode({ event: 'e', data: tower })).toMatchObject({ ok: false, error: { code: 'UNENCODABLE' } });
  });

  it('4.8: refuses what a receiver would refuse as nested too deep', () => {
    const deep = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    expect(encode({ event: 'e', data: deep(64) }).ok).toBe(true);
    expect(encode({ event: 'e', data: deep(65) })).toMatchObject({ ok: false, error: { code: 'UNENCODABLE' } });
    expect(encode({ event: 'e', data: deep(65) }, { maxDepth: 65 }).ok).toBe(true);
  });

  it('4.8: survives an envelope whose members throw', () => {
    const envelope = {
      get event(): string {
        throw new Error('no');
      },
    };
    expect(encode(envelope)).toMatchObject({ ok: false, error: { code: 'UNENCODABLE' } });
  });
});
