import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, defaultDecodeLimits } from '../src/index.js';
import { exceedsMembers } from '../src/member-count.js';

const { maxMembers } = defaultDecodeLimits;

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const children: unknown[] = Object.values(value);
  return children.reduce<number>((sum, child) => sum + 1 + membersOf(child), 0);
}

function codeOf(text: string): string | undefined {
  const result = decode(text);
  return result.ok ? undefined : result.error.code;
}

describe('the number of members', () => {
  it('3.2: is that of the parsed value, whatever the spacing and whatever strings hold', () => {
    const values = fc.jsonValue({ maxDepth: 6, noUnicodeString: false, stringUnit: 'binary' });
    fc.assert(
      fc.property(values, fc.nat(4), (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        const members = membersOf(JSON.parse(text));
        expect(exceedsMembers(text, members)).toBe(false);
        if (members > 0) expect(exceedsMembers(text, members - 1)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['numbers', (count: number) => `[${'1,'.repeat(count - 1)}1]`],
    ['objects', (count: number) => `[${'{},'.repeat(count - 1)}{}]`],
    ['keys', (count: number) => `{${Array.from({ length: count }, (_, i) => `"${i}":0`).join()}}`],
    ['equal keys', (count: number) => `{${Array.from({ length: count }, () => `"key":0`).join()}}`],
    ['nested', (count: number) => `[${'[0],'.repeat(count / 2 - 1)}[0]]`],
  ])('3.9: may be the limit and not more: %s', (_, data) => {
    expect(codeOf(`{"event":"e","data":${data(maxMembers)},"id":1}`)).toBeUndefined();
    expect(codeOf(`{"event":"e","data":${data(maxMembers + 2)},"id":1}`)).toBe('TOO_MANY_MEMBERS');
  });

  it('3.2: counts what a frame holds beside the members of the envelope', () => {
    const more = `[${'1,'.repeat(maxMembers)}1]`;
    expect(decode(`{"event":"e","id":"a","more":${more}}`)).toEqual({
      ok: false,
      id: 'a',
      error: { code: 'TOO_MANY_MEMBERS', message: `data may have ${maxMembers} members, and this has more` },
    });
  });

  it('3.2: does not count what strings hold', () => {
    expect(codeOf(`{"event":"e","data":"${',[{'.repeat(maxMembers)}"}`)).toBeUndefined();
  });

  it('3.9: is MALFORMED_FRAME where another rule is broken too', () => {
    expect(codeOf(`{"event":"","data":[${'1,'.repeat(maxMembers)}1]}`)).toBe('MALFORMED_FRAME');
  });
});
