/** Looks at everything in a map once per round, some of it at a time, whatever is added and removed meanwhile. */
export class Rotation<V> {
  readonly #map: ReadonlyMap<string, V>;
  #iterator: Iterator<[string, V], undefined>;
  /** The part of an entry that the shares of earlier calls left over. */
  #rest = 0;

  constructor(map: ReadonlyMap<string, V>) {
    this.#map = map;
    this.#iterator = map.entries();
  }

  /** The next `share` of a round; none twice in one call. */
  next(share: number): [string, V][] {
    const wanted = Math.min(this.#rest + this.#map.size * share, this.#map.size);
    const count = Math.floor(wanted);
    this.#rest = wanted - count;
    const entries: [string, V][] = [];
    while (entries.length < count) {
      const step = this.#iterator.next();
      if (step.done !== true) {
        entries.push(step.value);
        continue;
      }
      this.#iterator = this.#map.entries();
      // A new round begins with the next call, so that none comes twice in this one.
      if (entries.length > 0) break;
    }
    return entries;
  }
}
