/** Promises somebody may want to wait for. Forgets each one as it settles. */
export class PendingWork {
  readonly #pending = new Set<Promise<void>>();

  get size(): number {
    return this.#pending.size;
  }

  add(work: Promise<void>): void {
    const forget = (): void => {
      this.#pending.delete(settled);
    };
    const settled = work.then(forget, forget);
    this.#pending.add(settled);
  }

  /** Resolves when nothing is pending, counting what is added meanwhile. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}
