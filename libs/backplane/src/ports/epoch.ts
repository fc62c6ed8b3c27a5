import type { Random } from './random.js';

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A new epoch: 12 random characters (62 bits), so that no epoch is used twice. */
export function newEpoch(random: Random): string {
  let epoch = '';
  for (let length = 0; length < 12; length++) epoch += alphabet[Math.floor(random.next() * alphabet.length)] ?? '';
  return epoch;
}
