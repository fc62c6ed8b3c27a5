import { TestClient } from '@holdfast/testing';
import { setTimeout as delay } from 'node:timers/promises';

const everyMs = 20;
/** Longer than anything that is measured: what takes as long is lost. */
const lostAfterMs = 10_000;

/** A client that does no harm: it asks and expects its own answers, soon, while others attack. */
export class Innocent {
  readonly #waits: number[] = [];
  #isOver = false;
  #asking: Promise<void> | undefined;

  private constructor(private readonly client: TestClient) {}

  static async start(port: number): Promise<Innocent> {
    const url = `ws://127.0.0.1:${port}/witness`;
    const innocent = new Innocent(await TestClient.connectSdk(url));
    innocent.#asking = innocent.#ask();
    // Told by `stop`; until then nobody waits for it.
    innocent.#asking.catch(() => undefined);
    return innocent;
  }

  /** Milliseconds in which 99 of 100 answers have come. */
  get p99(): number {
    const sorted = this.#waits.toSorted((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
  }

  /** @throws what went wrong: a wrong answer, none, or a connection that ended. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#asking;
    this.client.terminate();
  }

  async #ask(): Promise<void> {
    for (let number = 0; !this.#isOver; number++) {
      const askedAt = performance.now();
      const { data } = await this.client.request('echo', number, lostAfterMs);
      if (data !== number) throw new Error(`the answer to ${number} was ${JSON.stringify(data)}`);
      this.#waits.push(performance.now() - askedAt);
      await delay(everyMs);
    }
  }
}
