import { createClient, type HoldfastClient, HoldfastError } from '@holdfast/client';
import { WebSocket } from 'ws';
import type { ChaosRecord, Published } from './records.js';

type Answer = { epoch: string; offset: number } | { outcome: 'none' | 'unknown' };

/** Publishes over one way, and writes down what it was told of each publication. */
abstract class Publisher {
  #sent = 0;

  constructor(
    private readonly name: string,
    private readonly record: (record: ChaosRecord) => void,
  ) {}

  async publish(room: string): Promise<void> {
    const id = `${this.name}-${++this.#sent}`;
    const answer = await this.send({ room, id });
    const told: Partial<Published> = 'outcome' in answer ? answer : { outcome: 'acked', ...answer };
    this.record({ type: 'published', at: Date.now(), room, id, outcome: 'unknown', ...told });
  }

  abstract close(): void;
  /** Never rejects. */
  protected abstract send(publication: object): Promise<Answer>;
}

/** Over one connection, as an SDK client. */
export class SocketPublisher extends Publisher {
  readonly #client: HoldfastClient;

  constructor(url: string, name: string, record: (record: ChaosRecord) => void) {
    super(name, record);
    const backoff = { firstMs: 200, maxMs: 2_000, maxAttempts: 100_000 };
    this.#client = createClient(url, { WebSocket, backoff, requestTimeoutMs: 20_000, outbox: { maxMessages: 10_000 } });
    this.#client.connect();
  }

  close(): void {
    this.#client.close();
  }

  protected override async send(publication: object): Promise<Answer> {
    try {
      // Safe: that is what the node answers.
      return (await this.#client.request('publish', publication)) as Answer;
    } catch (error) {
      // What has never left this side was not published.
      const isNone = error instanceof HoldfastError && error.code === 'OUTBOX_FULL';
      return { outcome: isNone ? 'none' : 'unknown' };
    }
  }
}

/** Over HTTP, by one request each. */
export class HttpPublisher extends Publisher {
  constructor(
    private readonly url: string,
    name: string,
    record: (record: ChaosRecord) => void,
  ) {
    super(name, record);
  }

  close(): void {
    // There is no connection.
  }

  protected override async send(publication: object): Promise<Answer> {
    try {
      const response = await fetch(`${this.url}/publish`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(publication),
        signal: AbortSignal.timeout(20_000),
      });
      // Safe: that is what the node answers.
      return response.ok ? ((await response.json()) as Answer) : { outcome: 'unknown' };
    } catch {
      return { outcome: 'unknown' };
    }
  }
}
