/** Round trips by the time at which they began; what is never answered took until the end. */
export class RoundTrips {
  readonly #open = new Map<number, number>();
  #taken: number[] = [];

  begin(id: number): void {
    this.#open.set(id, performance.now());
  }

  end(id: number): void {
    const begun = this.#open.get(id);
    if (begun === undefined || !this.#open.delete(id)) return;
    this.#taken.push(performance.now() - begun);
  }

  p99(): number {
    const now = performance.now();
    const all = [...this.#taken, ...[...this.#open.values()].map((begun) => now - begun)].sort((a, b) => a - b);
    return all[Math.min(all.length - 1, Math.floor(all.length * 0.99))] ?? Number.NaN;
  }

  /** Counts from here on; what is not answered yet still is. */
  restart(): void {
    this.#taken = [];
  }
}
