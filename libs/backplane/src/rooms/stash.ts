import type { Publication } from '../contract/position.js';

/** Deliveries that cannot be taken yet: their room is being read, or something before them is missing. */
export class Stash {
  readonly #maxItems: number;
  #items: Publication[] | undefined;
  #hasDropped = false;

  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  get isEmpty(): boolean {
    return this.#items === undefined && !this.#hasDropped;
  }

  add(publication: Publication): void {
    if ((this.#items?.length ?? 0) >= this.#maxItems) this.#hasDropped = true;
    else (this.#items ??= []).push(publication);
  }

  /**
   * Takes out the one that follows a position, or in rooms where some may be left out the newest after it. Those of that
   * epoch that are not after it have come before, and are forgotten.
   */
  takeAfter(epoch: string, offset: number, mayJump: boolean): Publication | undefined {
    const items = this.#items;
    if (!items) return undefined;
    let next: Publication | undefined;
    const others: Publication[] = [];
    for (const item of items) {
      if (item.epoch !== epoch) others.push(item);
      else if (mayJump ? item.offset > (next?.offset ?? offset) : item.offset === offset + 1) next = item;
      else if (item.offset > offset && !mayJump) others.push(item);
    }
    this.#items = others.length > 0 ? others : undefined;
    return next;
  }

  /** Takes out the one that came first. */
  shift(): Publication | undefined {
    const first = this.#items?.shift();
    if (this.#items?.length === 0) this.#items = undefined;
    return first;
  }

  /** @returns whether there was anything, or too much. */
  clear(): boolean {
    const hadSomething = !this.isEmpty;
    this.#items = undefined;
    this.#hasDropped = false;
    return hadSomething;
  }
}
