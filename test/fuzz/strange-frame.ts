import { encodeClose, encodeFrame } from '@holdfast/testing';
import type { Chance } from './chance.js';

/** Bytes that are no frame, a close frame, or one whose head was drawn. */
export function strangeFrame(chance: Chance): Buffer {
  switch (chance.below(3)) {
    case 0:
      return chance.bytes(1 + chance.below(60));
    case 1:
      return encodeFrame({ opcode: 8, payload: encodeClose(chance.of([1000, 1001, 1005, 3000, 4999, 999])) });
    default:
      return encodeFrame({
        opcode: chance.below(16),
        rsv: chance.of([0, 0, 0, 1, 4]),
        fin: !chance.once(3),
        mask: !chance.once(6),
        payload: chance.bytes(chance.below(130)),
      });
  }
}
