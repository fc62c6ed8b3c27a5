import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { decode, defaultDecodeLimits } from '@holdfast/protocol';
import { expect, it, vi } from 'vitest';
import { Inbox } from '../../src/dispatch/inbox.js';
import { planOf } from './plans.js';

/** Each run collects garbage twice. */
vi.setConfig({ testTimeout: 60_000 });

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // What the flag has just made.

const inboxBytes = 1_048_576;
const plan = planOf('e');

function fill(data: string): Inbox {
  const state = { isFull: false };
  const inbox = new Inbox(
    {
      start: () => undefined,
      read: () => {
        throw new Error('nothing may begin');
      },
      mayBegin: () => false,
      full: () => (state.isFull = true),
      relieved: () => undefined,
    },
    { inboxMessages: Infinity, inboxBytes },
  );
  const frame = Buffer.from(`{"event":"e","data":${data}}`);
  while (!state.isFull) {
    const text = frame.toString();
    const decoded = decode(text, { ...defaultDecodeLimits, maxMembers: Infinity });
    if (!decoded.ok) throw new Error(decoded.error.message);
    const { data, id } = decoded.envelope;
    inbox.push({ plan, data, id, trace: undefined, frame: text, wire: undefined });
  }
  return inbox;
}

function heapOf(data: string): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const inbox = fill(data);
  collectGarbage();
  const grown = process.memoryUsage().heapUsed - before;
  expect(inbox.length).toBeGreaterThan(0);
  return grown;
}

it.each([
  ['nothing', '0'],
  ['empty objects', `[${'{},'.repeat(20_000)}{}]`],
  ['empty arrays', `[${'[],'.repeat(2_000)}[]]`],
  ['numbers with a fraction', `[${'0.1,'.repeat(2_000)}0.1]`],
  ['objects with a key of their own', `[${Array.from({ length: 500 }, (_, i) => `{"k${i}":0}`).join()}]`],
  ['a text that is not Latin', `"${'я'.repeat(1_000)}"`],
  ['a text with one letter that is not Latin', `"${'a'.repeat(4_000)}я"`],
])('holds no more than four times what it may: %s', (_, data) => {
  expect(heapOf(data)).toBeLessThan(4 * inboxBytes);
});

it('holds no more than four times what it may, whatever the JSON', () => {
  const leaf = fc.oneof(fc.constantFrom('{}', '[]', '""', 'null', '0', '0.5', '1e300'), fc.json({ maxDepth: 2 }));
  const repeated = fc.tuple(leaf, fc.integer({ min: 1, max: 2_000 })).map(([each, count]) => {
    return `[${Array.from({ length: count }, () => each).join()}]`;
  });
  fc.assert(
    fc.property(fc.oneof(leaf, repeated), (data) => {
      expect(heapOf(data)).toBeLessThan(4 * inboxBytes);
    }),
    { numRuns: 40 },
  );
});
