import type { BackplaneStage } from '@holdfast/backplane';
import { nonsense } from './errors.js';

/** Reads the reply of a script, in order. Whatever has another shape than expected is `NONSENSE`. */
export class Reply {
  #next = 0;
  readonly #parts: readonly unknown[];

  constructor(
    reply: unknown,
    private readonly stage: BackplaneStage,
  ) {
    if (!Array.isArray(reply)) throw nonsense(stage, 'no list');
    this.#parts = reply;
  }

  get hasMore(): boolean {
    return this.#next < this.#parts.length;
  }

  bytes(): Uint8Array {
    const part = this.#parts[this.#next++];
    if (part instanceof Uint8Array) return part;
    throw nonsense(this.stage, `${typeof part} in place of a string`);
  }

  text(): string {
    return Buffer.from(this.bytes()).toString();
  }

  /** A whole number, as one or as its digits. */
  number(): number {
    const part = this.#parts[this.#next];
    const value = typeof part === 'number' ? part : Number(this.text());
    if (typeof part === 'number') this.#next++;
    if (!Number.isSafeInteger(value) || value < 0) throw nonsense(this.stage, `${value} in place of a number`);
    return value;
  }

  rest(): readonly unknown[] {
    return this.#parts.slice(this.#next);
  }
}
