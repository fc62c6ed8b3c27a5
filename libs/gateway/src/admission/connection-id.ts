import { randomFillSync } from 'node:crypto';

/** 120 bits: nobody guesses one, and base64 needs no padding. */
const bytesPerId = 15;
/** Asking for randomness is dearer than all the rest of an id, so it is asked for many of them at once. */
const pool = Buffer.alloc(bytesPerId * 256);
let used = pool.length;

export function newConnectionId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const from = used;
  used += bytesPerId;
  return pool.toString('base64url', from, used);
}
