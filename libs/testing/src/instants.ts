/** Instants, the earliest first: a binary heap, so that a hundred thousand of them need no search. */
export class Instants {
  readonly #heap: number[] = [];

  get first(): number | undefined {
    return this.#heap[0];
  }

  add(instant: number): void {
    let place = this.#heap.length;
    for (let above = (place - 1) >> 1; place > 0 && instant < this.#at(above); above = (place - 1) >> 1) {
      this.#heap[place] = this.#at(above);
      place = above;
    }
    this.#heap[place] = instant;
  }

  removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    // The last one takes the free place, and those before it move up.
    let place = 0;
    for (let below = this.#earlierBelow(place); this.#at(below) < last; below = this.#earlierBelow(place)) {
      this.#heap[place] = this.#at(below);
      place = below;
    }
    this.#heap[place] = last;
  }

  /** The earlier one of the two that come after a place. */
  #earlierBelow(place: number): number {
    const left = 2 * place + 1;
    return this.#at(left + 1) < this.#at(left) ? left + 1 : left;
  }

  #at(place: number): number {
    return this.#heap[place] ?? Infinity;
  }
}
