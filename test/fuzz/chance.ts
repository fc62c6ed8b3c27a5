import { seededRandom } from '@holdfast/testing';

/** Chance that can be repeated: the same seed gives the same choices. */
export class Chance {
  readonly #random: { next(): number };

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  /** True in one of so many cases. */
  once(inSoMany: number): boolean {
    return this.below(inSoMany) === 0;
  }

  of<T>(choices: readonly T[]): T {
    // There is at least one, and `below` stays below their number.
    return choices[this.below(choices.length)] as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  /** The same with some bytes changed, left out, doubled or put in. */
  mutated(original: Buffer): Buffer {
    let bytes = original;
    for (let times = 1 + this.below(2); times > 0; times--) {
      const at = this.below(bytes.length);
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
      bytes = Buffer.concat([
        before,
        ...this.of([
          [this.bytes(1), after.subarray(1)],
          [after.subarray(1 + this.below(8))],
          [this.bytes(this.below(8)), after],
          [after.subarray(0, this.below(20)), after],
          [Buffer.from(this.of(['\r\n', '\0', ' ', ':', ',', '%', '/', '[', '\r', '\n', '$', '"', '{'])), after],
        ]),
      ]);
    }
    return bytes;
  }
}
