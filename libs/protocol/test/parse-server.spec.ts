import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  maxNumber,
  maxWaitMs,
  parseDrain,
  parseError,
  parseRefreshRequest,
  type ParseResult,
  parseServerPing,
  parseWelcome,
} from '../src/index.js';

const parsers = { parseWelcome, parseServerPing, parseDrain, parseRefreshRequest, parseError };

const welcome = {
  connectionId: 'c-1',
  heartbeat: { intervalMs: 25_000, graceMs: 50_000 },
  limits: { maxPayloadBytes: 262_144 },
};

function faultOf(result: ParseResult<unknown>): string {
  if (result.ok) throw new Error('The data was accepted');
  expect(result.error.code).toBe('MALFORMED_FRAME');
  return result.error.message;
}

describe('data of the server', () => {
  it.each([
    ['6.2', parseWelcome, welcome],
    ['8.5', parseWelcome, { ...welcome, heartbeat: { intervalMs: 0, graceMs: 0 } }],
    ['8.3', parseServerPing, { n: 0 }],
    ['8.3', parseServerPing, { n: 2 ** 53 - 1 }],
    ['9.2', parseRefreshRequest, { expiresInMs: 30_000 }],
    ['10.1', parseDrain, { retryAfterMs: 0, windowMs: 0.5, reason: '' }],
    ['7.1', parseError, { code: 'NOT_FOUND', message: '' }],
    ['7.1', parseError, { code: 'X', message: 'm', details: [1], retryAfterMs: 0 }],
  ])('%s: is taken as it is', (_, parse, data) => {
    expect(parse(data)).toStrictEqual({ ok: true, value: data });
  });

  it('12.2: is taken up to the largest that is stated, and cut above it', () => {
    const numbers = fc.double({ min: 0, noNaN: true });
    fc.assert(
      fc.property(numbers, numbers, (first, second) => {
        const beats = { intervalMs: first, graceMs: second };
        const limits = { maxPayloadBytes: first };
        expect(parseWelcome({ connectionId: 'c', heartbeat: beats, limits })).toStrictEqual({
          ok: true,
          value: {
            connectionId: 'c',
            heartbeat: { intervalMs: Math.min(first, maxNumber), graceMs: Math.min(second, maxNumber) },
            limits: { maxPayloadBytes: Math.min(first, maxNumber) },
          },
        });
        expect(parseDrain({ retryAfterMs: first, windowMs: second, reason: 'r' })).toStrictEqual({
          ok: true,
          value: { retryAfterMs: Math.min(first, maxWaitMs), windowMs: Math.min(second, maxWaitMs), reason: 'r' },
        });
      }),
    );
    expect(parseRefreshRequest({ expiresInMs: 2 ** 31 })).toEqual({ ok: true, value: { expiresInMs: 2 ** 31 - 1 } });
    expect(parseServerPing({ n: Infinity })).toEqual({ ok: true, value: { n: 2 ** 53 - 1 } });
    // Text is no number, however it looks.
    const error = { code: '1e400', message: '99999999999', retryAfterMs: Infinity };
    expect(parseError(error)).toEqual({ ok: true, value: { ...error, retryAfterMs: maxNumber } });
  });

  it('3.3, 15.1: may hold more than a client of today knows', () => {
    for (const [parse, data] of [
      [parseWelcome, { ...welcome, limits: { maxPayloadBytes: 1, maxRooms: 5 }, resume: true }],
      [parseServerPing, { n: 1, sentAt: 2 }],
      [parseDrain, { retryAfterMs: 1, windowMs: 2, reason: 'r', node: 'a' }],
      [parseRefreshRequest, { expiresInMs: 1, audience: 'a' }],
      [parseError, { code: 'C', message: 'm', docs: 'https://example.test' }],
    ] as const) {
      expect(parse(data)).toStrictEqual({ ok: true, value: data });
    }
  });

  it.each([
    ['6.2', parseWelcome(undefined), '$welcome: data.connectionId must be a string'],
    ['6.2', parseWelcome({ ...welcome, connectionId: 7 }), '$welcome: data.connectionId must be a string'],
    [
      '6.2',
      parseWelcome({ ...welcome, heartbeat: undefined }),
      '$welcome: data.heartbeat.intervalMs must be a number, 0 or more',
    ],
    [
      '6.2',
      parseWelcome({ ...welcome, heartbeat: { intervalMs: 1, graceMs: '1' } }),
      '$welcome: data.heartbeat.graceMs must be a number, 0 or more',
    ],
    [
      '6.2',
      parseWelcome({ ...welcome, limits: null }),
      '$welcome: data.limits.maxPayloadBytes must be a number, 0 or more',
    ],
    [
      '6.2',
      parseWelcome({ ...welcome, limits: { maxPayloadBytes: -1 } }),
      '$welcome: data.limits.maxPayloadBytes must be a number, 0 or more',
    ],
    ['8.3', parseServerPing({}), '$ping: data.n must be a number, 0 or more'],
    ['8.3', parseServerPing({ n: '1' }), '$ping: data.n must be a number, 0 or more'],
    ['8.3', parseServerPing({ n: NaN }), '$ping: data.n must be a number, 0 or more'],
    ['9.2', parseRefreshRequest(null), '$refresh: data.expiresInMs must be a number, 0 or more'],
    ['9.2', parseRefreshRequest({ expiresInMs: -5 }), '$refresh: data.expiresInMs must be a number, 0 or more'],
    ['10.1', parseDrain({ windowMs: 1, reason: 'r' }), '$drain: data.retryAfterMs must be a number, 0 or more'],
    [
      '10.1',
      parseDrain({ retryAfterMs: 1, windowMs: null, reason: 'r' }),
      '$drain: data.windowMs must be a number, 0 or more',
    ],
    ['10.1', parseDrain({ retryAfterMs: 1, windowMs: 1 }), '$drain: data.reason must be a string'],
    ['7.1', parseError('oops'), '$error: data.code must be a string'],
    ['7.1', parseError({ code: 'C' }), '$error: data.message must be a string'],
    [
      '7.1',
      parseError({ code: 'C', message: 'm', retryAfterMs: '5' }),
      '$error: data.retryAfterMs must be a number, 0 or more, or absent',
    ],
  ])('%s: is refused by the name of the member', (_, result, message) => {
    expect(faultOf(result)).toBe(message);
  });

  it.each([[undefined], [null], [true], [0], [''], ['text'], [[]], [[1]], [{}]])(
    '7.6: of any other kind is refused and never throws: %j',
    (data) => {
      for (const parse of Object.values(parsers)) faultOf(parse(data));
    },
  );

  it('7.6: whatever it is, is taken with every member a client reads, or refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        for (const parse of Object.values(parsers)) {
          const result = parse(data);
          if (result.ok) expect(result.value).toBe(data);
          else faultOf(result);
        }
      }),
    );
  });

  it('7.6: a message never repeats what the server sent', () => {
    const secret = 'secret-7f3a';
    for (const parse of Object.values(parsers)) {
      const data = { connectionId: [secret], n: secret, retryAfterMs: secret, expiresInMs: secret, code: [secret] };
      expect(faultOf(parse(data))).not.toContain(secret);
    }
  });
});
