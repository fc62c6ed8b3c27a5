/**
 * Values grouped by a key. A key without values takes no memory, unless somebody holds the group that was shown of it.
 */
export class SetIndex<K, V> {
  readonly #groups = new Map<K, Set<V>>();
  /** Groups that somebody may hold, and expects to see in them what comes later. */
  readonly #shown = new WeakSet<Set<V>>();
  /** Those of them that are empty. */
  readonly #empty = new Map<K, WeakRef<Set<V>>>();
  readonly #collected = new FinalizationRegistry<K>((key) => {
    // Another one may have taken its place.
    if (this.#empty.get(key)?.deref() === undefined) this.#empty.delete(key);
  });

  add(key: K, value: V): void {
    const group = this.#groups.get(key);
    if (group) group.add(value);
    else this.#groups.set(key, this.#revive(key).add(value));
  }

  delete(key: K, value: V): void {
    const group = this.#groups.get(key);
    if (!group?.delete(value) || group.size > 0) return;
    this.#groups.delete(key);
    if (this.#shown.has(group)) this.#remember(key, group);
  }

  /** @returns a live view: it shows at any later time what the key has then. */
  get(key: K): ReadonlySet<V> {
    const known = this.#groups.get(key) ?? this.#empty.get(key)?.deref();
    if (known) {
      this.#shown.add(known);
      return known;
    }
    const group = new Set<V>();
    this.#shown.add(group);
    this.#remember(key, group);
    return group;
  }

  #revive(key: K): Set<V> {
    const group = this.#empty.get(key)?.deref();
    this.#empty.delete(key);
    return group ?? new Set();
  }

  #remember(key: K, group: Set<V>): void {
    this.#empty.set(key, new WeakRef(group));
    this.#collected.register(group, key);
  }
}
