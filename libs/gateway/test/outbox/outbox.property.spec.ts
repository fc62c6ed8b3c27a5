import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OverflowPolicy } from '../../src/outbox/outbox.js';
import { bench } from './slow-socket.js';

type Step = { readonly kind: 'offer' | 'answer' | 'control'; readonly size: number } | { readonly kind: 'take' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('offer' as const), size: fc.integer({ min: 8, max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('answer' as const), size: fc.integer({ min: 8, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('control' as const), size: fc.integer({ min: 8, max: 20 }) }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'take' as const }) },
);
const limits = fc.record({
  highWaterBytes: fc.integer({ min: 50, max: 400 }),
  lowWaterBytes: fc.integer({ min: 0, max: 49 }),
  overflow: fc.constantFrom<OverflowPolicy>('refuse', 'drop'),
});
const socketMark = fc.integer({ min: 1, max: 600 });

/** A text of `size` characters that can be found again among all others. */
function text(kind: string, index: number, size: number): string {
  return `${kind[0] ?? ''}${index};`.padEnd(size, '.');
}

describe('an outbox, whatever is sent and however slowly it is read,', () => {
  it('loses nothing it took, keeps its order, and accounts for every byte', async () => {
    const property = fc.asyncProperty(
      limits,
      socketMark,
      fc.array(step, { maxLength: 60 }),
      async (given, mark, steps) => {
        const { outbox, socket, owner } = bench(given, mark);
        const data: string[] = [];
        const control: string[] = [];
        let written = 0;
        for (const [index, next] of steps.entries()) {
          if (next.kind === 'take') {
            await socket.takeChunk();
          } else {
            const frame = text(next.kind, index, next.size);
            const overflows = owner.overflows;
            const isTaken =
              next.kind === 'offer'
                ? outbox.offerText(frame)
                : (outbox[`${next.kind}Text` as const](frame), owner.overflows === overflows);
            if (isTaken) {
              (next.kind === 'control' ? control : data).push(frame);
              written += frame.length;
            }
          }
          expect(outbox.bytes).toBe(written - socket.taken);
          // Twice the mark and one answer; control frames have a mark of their own, and each lane one frame beyond.
          expect(outbox.bytes).toBeLessThanOrEqual(3 * given.highWaterBytes + 2 * 60);
        }
        await socket.takeAll();
        const sent = socket.sent.match(/[oac]\d+;\.*/g) ?? [];
        expect(sent.filter((frame) => !frame.startsWith('c'))).toEqual(data);
        expect(sent.filter((frame) => frame.startsWith('c'))).toEqual(control);
        expect([outbox.depth, outbox.bytes]).toEqual([0, 0]);
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  it('calls a client congested and then recovered in turn, and ends with the latter', async () => {
    const property = fc.asyncProperty(
      limits,
      socketMark,
      fc.array(step, { maxLength: 60 }),
      async (given, mark, steps) => {
        const { outbox, socket, owner } = bench(given, mark);
        for (const [index, next] of steps.entries()) {
          if (next.kind === 'take') await socket.takeChunk();
          else outbox[`${next.kind}Text` as const](text(next.kind, index, next.size));
        }
        await socket.takeAll();
        expect(owner.congestions).toEqual(owner.congestions.map((_, index) => index % 2 === 0));
        expect(owner.congestions.length % 2).toBe(0);
        expect(outbox.offerText('again')).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  it('puts control frames into the socket at once, past all data that waits', async () => {
    const property = fc.asyncProperty(socketMark, fc.array(step, { maxLength: 60 }), async (mark, steps) => {
      const { outbox, socket } = bench({ highWaterBytes: 10_000 }, mark);
      for (const [index, next] of steps.entries()) {
        if (next.kind === 'take') await socket.takeChunk();
        else outbox[`${next.kind}Text` as const](text(next.kind, index, next.size));
      }
      const { depth } = outbox;
      const inSocket = socket.writableLength;
      outbox.controlText('now');
      expect([outbox.depth, socket.writableLength]).toEqual([depth, inSocket + 3]);
    });
    await fc.assert(property);
  });
});
