/**
 * A repeatable source of numbers in [0, 1): the same seed gives the same sequence. Fits wherever Holdfast asks for a
 * `Random`. Never for secrets.
 *
 * @param seed - Any integer; its lower 32 bits count.
 * @publicApi
 */
export function seededRandom(seed: number): { next(): number } {
  // A Weyl sequence scrambled by the 32-bit finaliser of MurmurHash3.
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = state;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
    },
  };
}
