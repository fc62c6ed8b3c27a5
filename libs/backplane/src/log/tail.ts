import type { Publication } from '../contract/position.js';

/**
 * The newest publications of a log, with consecutive offsets, so that the place of one is arithmetic. One that is empty
 * costs an object of four fields.
 */
export class Tail {
  #items: (Publication | undefined)[] | undefined;
  /** Where the oldest one stands: removing it moves nothing. */
  #head = 0;
  #bytes = 0;

  get length(): number {
    return this.#items ? this.#items.length - this.#head : 0;
  }

  /** Sum of the bytes of the items. */
  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): Publication | undefined {
    return this.#items?.[this.#head];
  }

  get newest(): Publication | undefined {
    return this.#items?.at(-1);
  }

  at(offset: number): Publication | undefined {
    const { oldest } = this;
    return oldest && offset >= oldest.offset ? this.#items?.[this.#head + offset - oldest.offset] : undefined;
  }

  /** Its offset is that of the newest one and 1, or any where this is empty. */
  push(publication: Publication): void {
    (this.#items ??= []).push(publication);
    this.#bytes += publication.item.byteLength;
  }

  dropOldest(): void {
    const { oldest } = this;
    if (!this.#items || !oldest) return;
    this.#bytes -= oldest.item.byteLength;
    this.#items[this.#head] = undefined;
    this.#head++;
    if (this.#head === this.#items.length) {
      this.clear();
    } else if (this.#head * 2 > this.#items.length) {
      // Half of it at a time, so that each removal costs the same.
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Forgets what came after that offset. */
  dropAfter(offset: number): void {
    while (this.#items && this.newest && this.newest.offset > offset) {
      this.#bytes -= this.newest.item.byteLength;
      this.#items.pop();
    }
    if (this.length === 0) this.clear();
  }

  clear(): void {
    this.#items = undefined;
    this.#head = 0;
    this.#bytes = 0;
  }
}
