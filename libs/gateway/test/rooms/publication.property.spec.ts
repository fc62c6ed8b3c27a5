import type { Publication } from '@holdfast/backplane';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemOf, readItem } from '../../src/rooms/publication-item.js';
import { RoomFrames } from '../../src/rooms/room-frames.js';

const event = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).filter((name) => !name.startsWith('$'));
const data = fc.option(fc.jsonValue({ maxDepth: 4 }), { nil: undefined });
const room = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' });
const header = fc.record(
  {
    except: fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 3 }),
    after: fc.array(room, { minLength: 1, maxLength: 3 }),
    publication: fc.constant('p-1'),
    volatile: fc.constant(true),
  },
  { requiredKeys: [] },
);
const position = fc.option(fc.record({ epoch: fc.string({ minLength: 1, maxLength: 64 }), offset: fc.maxSafeNat() }), {
  nil: { epoch: '', offset: 0 },
});

/** The text of a frame that is whole and not masked (RFC 6455 section 5.2). */
function textOf(frame: Buffer): string {
  const length = (frame[1] ?? 0) & 0x7f;
  return frame.subarray(length < 126 ? 2 : length === 126 ? 4 : 10).toString();
}

describe('a publication', () => {
  it('is read as it was made, whatever is in it', () => {
    fc.assert(
      fc.property(event, data, fc.option(header, { nil: undefined }), (name, value, own) => {
        const { body, ...read } = readItem(itemOf(name, value, 1e6, own));
        expect(read).toEqual(own ?? {});
        expect(`${body}}`).toBe(JSON.stringify({ event: name, data: value }));
      }),
    );
  });

  it('is one frame that any JSON parser reads, with its room and position', () => {
    fc.assert(
      fc.property(event, data, room, position, (name, value, where, { epoch, offset }) => {
        const item = itemOf(name, value, 1e6);
        const publication: Publication = { room: where, epoch, offset, at: 0, item };
        const frames = new RoomFrames();
        const frame = frames.of(publication).for(undefined);
        const place = epoch === '' ? {} : { epoch, offset };
        const expected: unknown = JSON.parse(JSON.stringify({ event: name, data: value, room: where, ...place }));
        expect(JSON.parse(textOf(frame ?? Buffer.alloc(2)))).toEqual(expected);
        expect(frames.of(publication).for(undefined)).toBe(frame);
      }),
    );
  });

  it('is limited in bytes, and not in characters', () => {
    expect(() => itemOf('x', 'ä'.repeat(50), 100)).toThrow(/has 123 bytes; roomLimits.publicationBytes allows 100/);
    expect(() => itemOf('x', 'ä'.repeat(50), 123)).not.toThrow();
  });
});
