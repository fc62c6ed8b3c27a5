import { TestClient } from '@holdfast/testing';
import { livePath } from '../../src/live-path.js';
import { tokenOf } from './service.js';

/** Plain clients of different people. */
export class Visitors implements AsyncDisposable {
  readonly #clients: TestClient[] = [];

  /** Rejects if one of them cannot connect at the first attempt. */
  static async connect(origin: string, size: number): Promise<Visitors> {
    const visitors = new Visitors();
    const url = `${origin.replace('http', 'ws')}${livePath}`;
    for (let n = 0; n < size; n++) {
      const token = await tokenOf(`visitor-${n}`);
      // One after the other, so that each has been placed before the next one asks.
      visitors.#clients.push(await TestClient.connect(url, { token }));
    }
    return visitors;
  }

  get size(): number {
    return this.#clients.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client[Symbol.asyncDispose]()));
  }
}
