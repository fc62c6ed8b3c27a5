import { expect, it } from 'vitest';
import { slotOf, slotOfKey, tagsFor } from '../src/slots.js';

const encoder = new TextEncoder();

it('the slot of a tag is that of the cluster specification', () => {
  expect(slotOf(encoder.encode('123456789'))).toBe(0x31c3);
});

it.each([
  [3, 84, 86],
  [6, 42, 43],
  [12, 21, 22],
])('of %d masters each has between %d and %d of 256 partitions', (masters, least, most) => {
  const counts = new Array<number>(masters).fill(0);
  for (const tag of tagsFor(256)) {
    const master = Math.floor((slotOf(encoder.encode(tag)) * masters) / 16_384);
    counts[master] = (counts[master] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThanOrEqual(least);
  expect(Math.max(...counts)).toBeLessThanOrEqual(most);
});

it.each([
  ['{user1000}.following', 'user1000'],
  ['foo{}{bar}', 'foo{}{bar}'],
  ['foo{{bar}}zap', '{bar'],
  ['foo{bar}{zap}', 'bar'],
  ['foo{bar', 'foo{bar'],
])('the tag of %s is %s', (key, tag) => {
  expect(slotOfKey(key)).toBe(slotOf(encoder.encode(tag)));
});
