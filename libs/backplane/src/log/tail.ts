import type { Publication } from '../contract/position.js';

/**
 * The newest publications of a log. Their offsets are consecutive, so that a publication is found by arithmetic. An
 * empty tail allocates no array.
 */
export class Tail {
  #items: (Publication | undefined)[] | undefined;
  /** Index of the oldest publication; those before it have been removed. */
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

  /** @param publication - the next one after {@link newest}; any publication when the tail is empty */
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
      // Compacting only when half of the array is free keeps the cost of a removal constant.
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Removes the publications after that offset. */
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
