import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeClose, encodeClose, encodeFrame, rawUpgrade } from '../src/index.js';
import { decodeFrame } from '../src/wire-frame.js';
import { plainServer } from './support/ws-server.js';

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(125, 126, 65_535, 65_536).map((length) => new Uint8Array(length).fill(7)),
);

describe('frames', () => {
  it('decode to what was encoded, and not before they are complete', () => {
    fc.assert(
      fc.property(
        payload,
        fc.nat({ max: 15 }),
        fc.nat({ max: 7 }),
        fc.boolean(),
        fc.boolean(),
        fc.nat(),
        (bytes, opcode, rsv, fin, mask, cut) => {
          const content = Buffer.from(bytes);
          const encoded = encodeFrame({ opcode, rsv, fin, mask, payload: content });
          expect(decodeFrame(encoded.subarray(0, cut % encoded.length))).toBeUndefined();
          const decoded = decodeFrame(Buffer.concat([encoded, Buffer.from('next')]));
          expect(decoded).toMatchObject({ size: encoded.length, frame: { opcode, rsv, fin, masked: mask } });
          expect(decoded?.frame.payload.equals(content)).toBe(true);
        },
      ),
    );
  });

  it('may claim any length', () => {
    expect(encodeFrame({ mask: false, claimedLength: 2n ** 63n }).toString('hex')).toBe('817f8000000000000000');
  });

  it('carry close codes and reasons', () => {
    expect(decodeClose(encodeClose(1005, 'reserved'))).toEqual({ code: 1005, reason: 'reserved' });
    expect(decodeClose(Buffer.alloc(0))).toEqual({ code: 1005, reason: '' });
  });
});

describe('an independent receiver', () => {
  /**
   * What a server of `ws` made of the frames: the messages it read, and the code of the close frame it answered with.
   */
  async function answerTo(...frames: Buffer[]) {
    const messages: string[] = [];
    await using server = await plainServer((socket) => {
      socket.on('message', (message: Buffer) => messages.push(message.toString()));
    });
    const answer = await rawUpgrade(server.url, { writeAfter: Buffer.concat(frames) });
    if (!answer.upgraded) throw new Error(`refused with ${answer.status}`);
    const { code } = decodeClose((await answer.frames.next()).payload);
    answer.socket.destroy();
    return { code, messages };
  }

  it('reads a fragmented message, and a close frame without a code', async () => {
    const fragments = [encodeFrame({ payload: 'a', fin: false }), encodeFrame({ opcode: 0, payload: 'b' })];
    expect(await answerTo(...fragments, encodeFrame({ opcode: 8 }))).toEqual({ code: 1005, messages: ['ab'] });
  });

  it.each([
    ['no mask', 1002, [encodeFrame({ payload: 'a', mask: false })]],
    ['a reserved bit', 1002, [encodeFrame({ payload: 'a', rsv: 4 })]],
    ['a reserved opcode', 1002, [encodeFrame({ opcode: 3 })]],
    ['invalid UTF-8', 1007, [encodeFrame({ payload: Buffer.from([0xff]) })]],
    ['an absurd length', 1009, [encodeFrame({ claimedLength: 2n ** 53n })]],
  ])('sees %s as it was meant', async (_name, code, frames) => {
    expect(await answerTo(...frames)).toEqual({ code, messages: [] });
  });
});
