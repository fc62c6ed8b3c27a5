import type { Link } from './link.js';

/**
 * What a feature keeps of each link, as if the link had a field of that name. A map of all links would do as well, but
 * takes five times the memory, and holds links that have ended until somebody remembers to delete them.
 */
export class LinkField<T> {
  readonly #key: symbol;

  /** @param name - what heap snapshots call it. */
  constructor(name: string) {
    this.#key = Symbol(name);
  }

  get(link: Link): T | undefined {
    // Nothing else is ever stored under this symbol.
    return link[this.#key] as T | undefined;
  }

  set(link: Link, value: T | undefined): void {
    link[this.#key] = value;
  }
}
