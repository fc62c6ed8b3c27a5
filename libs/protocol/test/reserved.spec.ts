import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BEARER_SUBPROTOCOL_PREFIX,
  isReserved,
  parseHello,
  parsePing,
  parsePong,
  parseRefresh,
  type ParseResult,
  PLAIN_SUBPROTOCOL,
  ReservedEvent,
  SDK_SUBPROTOCOL_JSON,
} from '../src/index.js';

const parsers = { parseHello, parsePing, parsePong, parseRefresh };

function faultOf(result: ParseResult<unknown>): string {
  if (result.ok) throw new Error('The data was accepted');
  expect(result.error.code).toBe('MALFORMED_FRAME');
  return result.error.message;
}

describe('reserved events', () => {
  it('3.4: are all that begin with $, known or not', () => {
    for (const event of Object.values(ReservedEvent)) expect(isReserved(event)).toBe(true);
    expect(['$', '$later', 'chat', ' $ping', 'a$', ''].map(isReserved)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('2.4, 2.5: subprotocols have names that a handshake may carry', () => {
    const token = /^[\w.]+$/;
    for (const subprotocol of [SDK_SUBPROTOCOL_JSON, PLAIN_SUBPROTOCOL, BEARER_SUBPROTOCOL_PREFIX]) {
      expect(subprotocol).toMatch(token);
    }
  });
});

describe('data of $hello', () => {
  it.each([[undefined], [null], [{}], [{ version: 2 }]])('6.1: %j holds no token', (data) => {
    expect(parseHello(data)).toStrictEqual({ ok: true, value: {} });
  });

  it('6.1, 6.6: holds a token, and nothing else is taken along', () => {
    expect(parseHello({ token: 'abc', admin: true })).toStrictEqual({ ok: true, value: { token: 'abc' } });
    expect(parseHello({ token: 't'.repeat(8192) }).ok).toBe(true);
  });

  it.each([
    [
      'abc',
      'data of $hello must be an object whose token is a string of 1 to 8192 characters, or absent, not a string of 3',
    ],
    [[], 'not an array'],
    [{ token: '' }, 'data.token of $hello must be a string of 1 to 8192 characters, or absent, not an empty string'],
    [{ token: null }, 'not null'],
    [{ token: 't'.repeat(8193) }, 'not a string of 8193'],
  ])('6.1: %j is refused with what is wrong', (data, words) => {
    expect(faultOf(parseHello(data))).toContain(words);
  });
});

describe('data of $refresh', () => {
  it('9.3: is the new token', () => {
    expect(parseRefresh({ token: 'abc', subject: 'x' })).toStrictEqual({ ok: true, value: { token: 'abc' } });
  });

  it.each([
    [undefined, 'data of $refresh must be an object whose token is a string of 1 to 8192 characters, not nothing'],
    [{}, 'data.token of $refresh must be a string of 1 to 8192 characters, not nothing'],
    [{ token: 7 }, 'not an integer'],
  ])('9.3: %j is refused with what is wrong', (data, words) => {
    expect(faultOf(parseRefresh(data))).toContain(words);
  });
});

describe.each([
  ['$ping', parsePing],
  ['$pong', parsePong],
])('data of %s', (event, parse) => {
  it.each([0, 1, Number.MAX_SAFE_INTEGER])('8.3: n may be %d', (n) => {
    expect(parse({ n, more: 1 })).toStrictEqual({ ok: true, value: { n } });
  });

  it.each([
    [undefined, `data of ${event} must be an object whose n is a safe integer, 0 or more, not nothing`],
    [{}, `data.n of ${event} must be a safe integer, 0 or more, not nothing`],
    [{ n: '1' }, 'not a string of 1'],
    [{ n: -1 }, 'safe integer, 0 or more'],
    [{ n: 0.5 }, 'not a number'],
    [{ n: 2 ** 53 }, 'not a number'],
  ])('8.3: %j is refused with what is wrong', (data, words) => {
    expect(faultOf(parse(data))).toContain(words);
  });
});

describe.each(Object.entries(parsers))('%s', (_, parse: (data: unknown) => ParseResult<unknown>) => {
  it('6.6: never throws, whatever the data', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ token: fc.jsonValue(), n: fc.jsonValue() })), (data) => {
        const result = parse(data);
        if (!result.ok) expect(faultOf(result)).not.toBe('');
      }),
    );
  });

  it('6.6: takes nothing that the data only inherits', () => {
    const inherited: unknown = Object.create({ token: 'inherited', n: 1 });
    expect(JSON.stringify(parse(inherited))).not.toContain('inherited');
    expect(parse(inherited)).not.toMatchObject({ value: { n: 1 } });
  });
});
