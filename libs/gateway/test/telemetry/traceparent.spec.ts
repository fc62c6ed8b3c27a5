import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTraceparent } from '../../src/telemetry/traceparent.js';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const valid = `00-${traceId}-${spanId}-01`;

describe('traceparent (W3C Trace Context, section 3.2)', () => {
  it('names the span that is continued', () => {
    expect(parseTraceparent(valid)).toEqual({ traceId, spanId, traceFlags: 1, isRemote: true });
    expect(parseTraceparent(`00-${traceId}-${spanId}-00`)).toMatchObject({ traceFlags: 0 });
    // Of the flags only the one that says "sampled" is known.
    expect(parseTraceparent(`00-${traceId}-${spanId}-fe`)).toMatchObject({ traceFlags: 0 });
    expect(parseTraceparent(`00-${traceId}-${spanId}-ff`)).toMatchObject({ traceFlags: 1 });
  });

  it.each(['', '-', '-more', '-01-02'])('of a later version is read by the fields that are known: %j', (rest) => {
    expect(parseTraceparent(`cc-${traceId}-${spanId}-01${rest}`)).toMatchObject({ traceId, spanId });
  });

  it.each<[string, string | undefined]>([
    ['nothing', undefined],
    ['empty text', ''],
    ['version ff', `ff-${traceId}-${spanId}-01`],
    ['more than version 00 has', `${valid}-more`],
    ['more without a dash', `cc-${traceId}-${spanId}-011`],
    ['two of them', `${valid}, ${valid}`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['a span of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['capital digits', valid.toUpperCase()],
    ['space around it', ` ${valid}`],
    ['too little', valid.slice(0, -1)],
    ['no hexadecimal digits', valid.replace('a', 'g')],
  ])('is ignored when it is %s', (_, header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });

  it('never throws, and never gives ids that are none', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f-]{50,60}$/));
    fc.assert(
      fc.property(text, (header) => {
        const parent = parseTraceparent(header);
        if (!parent) return;
        expect(parent.traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
        expect(parent.spanId).toMatch(/^(?!0+$)[0-9a-f]{16}$/);
      }),
    );
  });
});
