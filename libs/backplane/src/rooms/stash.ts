import type { Publication } from '../contract/position.js';

/** Deliveries that cannot be taken yet, because the log is being read or something before them is missing. */
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
   * Removes and returns the publication that follows a position. Also removes publications of this epoch up to the
   * position, which have been taken already.
   *
   * @param mayJump - return the newest publication after the position, and drop those in between
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

  /** Removes and returns the delivery that arrived first. */
  shift(): Publication | undefined {
    const first = this.#items?.shift();
    if (this.#items?.length === 0) this.#items = undefined;
    return first;
  }

  /** Removes all deliveries. @returns whether there were any, including those that did not fit */
  clear(): boolean {
    const hadSomething = !this.isEmpty;
    this.#items = undefined;
    this.#hasDropped = false;
    return hadSomething;
  }
}
