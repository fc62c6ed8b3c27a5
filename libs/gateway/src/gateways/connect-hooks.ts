/** The `handleConnection` hooks of all gateways of a path, at work for one connection. */
export class ConnectHooks {
  /** Resolves when all have finished; the first failure decides and rejects it. */
  readonly done: Promise<void>;
  /** Resolves when none is at work any more, however they ended. */
  readonly settled: Promise<void>;
  #isDecided = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;
  #settle!: () => void;

  constructor(private pending: number) {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    // A hook may fail before anybody awaits it, or when nobody does any more; neither must end the process.
    this.done.catch(() => undefined);
    if (pending === 0) this.#over();
  }

  finished(): void {
    this.pending--;
    if (this.pending === 0) this.#over();
  }

  /** @returns whether it is this failure that decides; nobody is told of one that comes after it. */
  fail(error: unknown): boolean {
    const decides = !this.#isDecided;
    this.#isDecided = true;
    this.#reject(error);
    this.finished();
    return decides;
  }

  /** Those still at work are not waited for. */
  giveUp(error: unknown): void {
    this.#isDecided = true;
    this.#reject(error);
    this.#over();
  }

  #over(): void {
    this.#resolve();
    this.#settle();
  }
}
