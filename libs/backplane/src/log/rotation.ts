/** Visits all entries of a map in rounds, a part of them per call. Entries may be added and removed between calls. */
export class Rotation<V> {
  readonly #map: ReadonlyMap<string, V>;
  #iterator: Iterator<[string, V], undefined>;
  /** The fraction of an entry that earlier calls have not returned yet. */
  #rest = 0;

  constructor(map: ReadonlyMap<string, V>) {
    this.#map = map;
    this.#iterator = map.entries();
  }

  /**
   * The next entries, none of them twice.
   *
   * @param share - of all entries, above 0 and up to 1
   */
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
      // The new round begins with the next call: an entry must not be returned twice by this one.
      if (entries.length > 0) break;
    }
    return entries;
  }
}
