import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, type DecodeResult, defaultDecodeLimits, encode, type Envelope } from '../src/index.js';
import { exceedsDepth } from '../src/nesting.js';

const mebibyte = 1_048_576;
const { maxEventLength, maxIdLength, maxRoomLength } = defaultDecodeLimits;

const name = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'binary', minLength: 1, maxLength: maxLength / 2 });
/** Minus zero is the one number that JSON does not bring back. */
const json = fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const hex = (length: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: fc.constantFrom(...Array.from('0123456789abcdef')), minLength: length - 1, maxLength: length - 1 })
    .map((s) => `${s}1`);
const trace = fc.tuple(hex(32), hex(16), fc.constantFrom('00', '01')).map((parts) => `00-${parts.join('-')}`);
const envelopes: fc.Arbitrary<Envelope> = fc.record(
  {
    event: name(maxEventLength),
    data: json,
    id: fc.oneof(name(maxIdLength), fc.maxSafeInteger()),
    room: name(maxRoomLength),
    offset: fc.maxSafeNat(),
    trace,
  },
  { requiredKeys: ['event'] },
);

/** Either a usable envelope or a refusal that says why; anything else fails the test. */
function verdict(result: DecodeResult): boolean {
  if (result.ok) {
    expect(result.envelope.event.length).toBeGreaterThan(0);
    expect(result.envelope.event.length).toBeLessThanOrEqual(maxEventLength);
  } else {
    expect(['MALFORMED_FRAME', 'TOO_MANY_MEMBERS']).toContain(result.error.code);
    expect(result.error.message.length).toBeLessThan(200);
  }
  return result.ok;
}

/** Counts the characters that are looked at, which says more about cost than a clock on a shared machine. */
function countReads(text: string, maxDepth: number): { exceeds: boolean; reads: number } {
  let reads = 0;
  const source = {
    length: text.length,
    charCodeAt: (index: number) => {
      reads++;
      return text.charCodeAt(index);
    },
    indexOf: (search: string, from: number) => {
      const found = text.indexOf(search, from);
      reads += (found === -1 ? text.length : found + 1) - from;
      return found;
    },
  };
  return { exceeds: exceedsDepth(source, maxDepth), reads };
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('codec', () => {
  it('3.1: decode(encode(x)) is x', () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        const encoded = encode(envelope);
        expect(encoded.ok && decode(encoded.text)).toEqual({ ok: true, envelope });
      }),
      { numRuns: 500 },
    );
  });

  it('3.9: no text makes decode throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
        verdict(decode(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('3.9: no JSON makes decode throw', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc
            .record({ event: json, data: json, id: json, room: json, offset: json, trace: json }, { requiredKeys: [] })
            .map((frame) => JSON.stringify(frame)),
        ),
        (text) => {
          verdict(decode(text));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('3.9: a good frame with one piece cut out or put in never makes decode throw', () => {
    fc.assert(
      fc.property(envelopes, fc.nat(), fc.nat(20), fc.string({ maxLength: 5 }), (envelope, at, cut, insert) => {
        const text = JSON.stringify(envelope);
        const index = at % text.length;
        verdict(decode(text.slice(0, index) + insert + text.slice(index + cut)));
      }),
      { numRuns: 1000 },
    );
  });

  it('7.3: no refusal repeats what was sent', () => {
    const secret = 'p4ssw0rd-of-the-client';
    const secretive = json.map((value) => ({ [secret]: value, secret }));
    const members = { event: secretive, data: secretive, id: secretive, room: secretive };
    fc.assert(
      fc.property(fc.record(members), fc.constantFrom('', '}', secret), (frame, tail) => {
        const result = decode(JSON.stringify(frame) + tail);
        expect(JSON.stringify(result)).not.toContain(secret);
      }),
    );
  });

  it('4.8: nothing makes encode throw', () => {
    const hostile = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    fc.assert(
      fc.property(hostile, (data) => {
        const result = encode({ event: 'e', data });
        if (result.ok) expect(decode(result.text).ok).toBe(true);
        else expect(result.error.code).toBe('UNENCODABLE');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('nesting', () => {
  it('3.2: is measured as a recursive count measures it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 12 }), fc.integer({ min: 1, max: 12 }), fc.nat(4), (value, limit, space) => {
        expect(exceedsDepth(JSON.stringify(value, undefined, space), limit)).toBe(depthOf(value) > limit);
      }),
      { numRuns: 1000 },
    );
  });

  it('3.2: is seen in the shortest text that can be too deep', () => {
    for (const depth of [1, 2, 65, 66]) {
      const text = '['.repeat(depth) + ']'.repeat(depth);
      expect([exceedsDepth(text, depth), exceedsDepth(text, depth - 1)]).toEqual([false, true]);
    }
  });

  it('3.9: costs at most three looks at each character of any text', () => {
    const nasty = fc.string({ unit: fc.constantFrom(...Array.from('"\\[]{},:u')), maxLength: 2000 });
    fc.assert(
      fc.property(nasty, fc.integer({ min: 1, max: 70 }), (text, limit) => {
        expect(countReads(text, limit).reads).toBeLessThanOrEqual(3 * text.length);
      }),
    );
  });

  it.each([
    ['backslashes', `"${'\\'.repeat(mebibyte)}`],
    ['quotes', '"'.repeat(mebibyte)],
    ['escaped quotes', `"${'\\"'.repeat(mebibyte / 2)}`],
    ['closings', ']'.repeat(mebibyte)],
    ['pairs', '[]'.repeat(mebibyte / 2)],
    ['openings in a string', `"${'[{'.repeat(mebibyte / 2)}`],
  ])('3.9: costs at most three looks at each character of a mebibyte of %s', (_, text) => {
    expect(countReads(text, 65).reads).toBeLessThanOrEqual(3 * text.length);
  });

  it('3.9: stops looking where it is too deep', () => {
    expect(countReads('{'.repeat(mebibyte), 65)).toEqual({ exceeds: true, reads: 2 * 66 });
  });
});

describe('a mebibyte of malice', () => {
  const frame = (data: string): string => `{"event":"e","data":${data}}`;
  const brackets = mebibyte / 2;
  const many = (count: number, item: (index: number) => string): string =>
    Array.from({ length: count }, (_, i) => item(i)).join(',');

  it.each([
    ['open brackets', '['.repeat(mebibyte), false],
    ['nested arrays', frame('['.repeat(brackets) + ']'.repeat(brackets)), false],
    ['nested objects', frame('{"a":'.repeat(brackets / 4) + '1' + '}'.repeat(brackets / 4)), false],
    ['one long key', frame(`{"${'k'.repeat(mebibyte)}":1}`), true],
    ['one long string of escapes', frame(`"${'\\u005b'.repeat(mebibyte / 6)}"`), true],
    ['escaped quotes and brackets', frame(`"${'\\"['.repeat(mebibyte / 3)}"`), true],
    ['a string without end', frame(`"${'\\\\'.repeat(brackets)}`), false],
    ['many keys', frame(`{${many(80_000, (index) => `"k${index}":0`)}}`), false],
    ['many equal keys', frame(`{${many(80_000, () => '"key":0')}}`), false],
    ['many keys that look like indexes', frame(`{${many(80_000, (index) => `"${index * 65_536}":0`)}}`), false],
    ['many __proto__', frame(`{${many(70_000, () => '"__proto__":0')}}`), false],
    ['many small arrays', frame(`[${many(brackets / 2, () => '[]')}]`), false],
    ['one long number', frame('9'.repeat(mebibyte)), true],
    ['white space', ' '.repeat(mebibyte) + frame('1'), true],
    ['a long event', `{"event":"${'e'.repeat(mebibyte)}"}`, false],
    ['a long id', `{"event":"e","id":"${'i'.repeat(mebibyte)}"}`, false],
    ['a long trace', `{"event":"e","trace":"${'0'.repeat(mebibyte)}"}`, true],
  ])('3.9: %s gets the right verdict', (_, text, isFine) => {
    expect(verdict(decode(text))).toBe(isFine);
  });
});
