const nobody: ReadonlySet<never> = new Set<never>();

/** Values grouped by a key. A key without values takes no memory. */
export class SetIndex<K, V> {
  readonly #groups = new Map<K, Set<V>>();

  add(key: K, value: V): void {
    const group = this.#groups.get(key);
    if (group) group.add(value);
    else this.#groups.set(key, new Set([value]));
  }

  delete(key: K, value: V): void {
    const group = this.#groups.get(key);
    if (group?.delete(value) && group.size === 0) this.#groups.delete(key);
  }

  get(key: K): ReadonlySet<V> {
    return this.#groups.get(key) ?? nobody;
  }
}
