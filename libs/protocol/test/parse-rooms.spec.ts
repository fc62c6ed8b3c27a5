import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJoin, parseLeave, parsePublish } from '../src/index.js';

const epoch = fc.string({ minLength: 1, maxLength: 64 });
const offset = fc.maxSafeNat();

describe('17.1: $join', () => {
  it('has a room, and may have a position', () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.record({ epoch, offset }), { nil: undefined }), (room, since) => {
        expect(parseJoin({ room, since, more: 1 })).toEqual({ ok: true, value: since ? { room, since } : { room } });
      }),
    );
  });

  it.each([
    [undefined, 'data of $join must be an object whose room is a string, not nothing'],
    [{ room: 5 }, 'data.room of $join must be a string, not an integer'],
    [{ room: 'a', since: 5 }, /^data\.since of \$join must be an epoch of 1 to 64 characters and an offset/],
    [{ room: 'a', since: { epoch: '', offset: 1 } }, /^data\.since/],
    [{ room: 'a', since: { epoch: 'x'.repeat(65), offset: 1 } }, /^data\.since/],
    [{ room: 'a', since: { epoch: 'x', offset: -1 } }, /^data\.since/],
    [{ room: 'a', since: { epoch: 'x', offset: 0.5 } }, /^data\.since/],
    [{ room: 'a', since: { epoch: 'x', offset: 2 ** 53 } }, /^data\.since/],
    [{ room: 'a', since: { epoch: 'x' } }, /^data\.since/],
  ])('is refused as %j', (data, message) => {
    const result = parseJoin(data);
    expect(result).toMatchObject({ ok: false, error: { code: 'MALFORMED_FRAME' } });
    expect(result.ok ? '' : result.error.message).toMatch(message);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.anything(), (data) => {
        for (const parse of [parseJoin, parseLeave, parsePublish]) expect(parse(data).ok).toBeTypeOf('boolean');
      }),
    );
  });
});

describe('17.6: $leave', () => {
  it('has a room', () => {
    expect(parseLeave({ room: 'a' })).toEqual({ ok: true, value: { room: 'a' } });
    expect(parseLeave({}).ok).toBe(false);
  });
});

describe('17.11: $publish', () => {
  it('has a room and an event of the application', () => {
    const data = { text: 'hello' };
    expect(parsePublish({ room: 'a', event: 'said', data })).toEqual({
      ok: true,
      value: { room: 'a', event: 'said', data },
    });
    for (const event of [undefined, 5, '', '$joined']) expect(parsePublish({ room: 'a', event }).ok).toBe(false);
    expect(parsePublish({ event: 'said' }).ok).toBe(false);
  });
});
