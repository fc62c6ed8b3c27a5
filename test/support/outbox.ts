import { once } from 'node:events';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Concurrent, type Connection, ConnectionRegistry, type HoldfastOptions } from '@holdfast/gateway';
import { type ManualClock, TestClient } from '@holdfast/testing';
import { Calls, Fenced, gate, type Gate, serve, type Served } from './dispatch.js';

export const feedPath = '/feed';

@WebSocketGateway({ path: feedPath })
export class FeedGateway extends Fenced {
  /** Sizes of the answers that were asked for, in order. */
  readonly asked = new Calls<number>();
  together: Gate<void> = gate();

  @SubscribeMessage('page')
  page(@MessageBody() size: number): string {
    this.asked.add(size);
    return 'x'.repeat(size);
  }

  /** Many of them are answered at once. */
  @SubscribeMessage('together')
  @Concurrent(100)
  async answerTogether(@MessageBody() size: number): Promise<string> {
    this.asked.add(size);
    await this.together.promise;
    return 'x'.repeat(size);
  }

  @SubscribeMessage('burst then close')
  burst(@MessageBody() count: number, @ConnectedSocket() connection: Connection): void {
    for (let index = 0; index < count; index++) connection.emit('item', { index, filler: 'x'.repeat(200) });
    connection.close(4321, 'that was all');
    connection.emit('item', { index: count });
  }
}

/** A gateway whose clients may read slowly. */
export class Feed implements AsyncDisposable {
  readonly #clients: TestClient[] = [];

  private constructor(readonly served: Served) {}

  static async start(options: Omit<HoldfastOptions, 'admission'>, clock?: ManualClock): Promise<Feed> {
    return new Feed(await serve([FeedGateway], { options: { heartbeat: { intervalMs: 0 }, ...options }, clock }));
  }

  get gateway(): FeedGateway {
    return this.served.get(FeedGateway);
  }

  get url(): string {
    return this.served.url(feedPath);
  }

  /** A client and the server's side of it. */
  async connect(): Promise<[TestClient, Connection]> {
    const registry = this.served.get(ConnectionRegistry);
    const known = new Set(registry);
    const client = await TestClient.connect(this.url, { timeoutMs: 15_000 });
    this.#clients.push(client);
    await client.request('fence');
    const connection = [...registry].find((candidate) => !known.has(candidate));
    if (!connection) throw new Error('the registry does not know the new connection');
    return [client, connection];
  }

  /** Clients that do not read would keep the application from closing for as long as it gives them. */
  [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.terminate();
    return this.served[Symbol.asyncDispose]();
  }
}

/** What is emitted as `item`, and how many of it were taken. */
export interface Flood {
  readonly taken: number;
  readonly bytes: number;
}

const itemBytes = 16_384;

/**
 * Emits until nothing is taken any more, or so many bytes were: what the kernel takes for a client that does not read
 * is megabytes.
 */
export async function flood(connection: Connection, most = Infinity): Promise<Flood> {
  let taken = 0;
  while (taken * itemBytes < most && emitItem(connection, taken)) {
    taken++;
    // The kernel takes what it can between two ticks.
    if (taken % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return { taken, bytes: taken * itemBytes };
}

export function emitItem(connection: Connection, index: number): boolean {
  return connection.emit('item', { index, filler: 'x'.repeat(itemBytes) });
}

/** Indices of the items that come, as many as were taken. */
export async function itemsOf(client: TestClient, count: number): Promise<number[]> {
  const indices: number[] = [];
  while (indices.length < count) indices.push(((await client.next('item')).data as { index: number }).index);
  return indices;
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Until a connection has ended, and at once where it has. */
export async function ended(connection: Connection): Promise<void> {
  if (!connection.signal.aborted) await once(connection.signal, 'abort');
}
