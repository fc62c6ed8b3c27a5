import {
  type ClientEvents,
  type ClientOptions,
  type ConnectionState,
  createClient,
  type HoldfastClient,
  type StateChange,
} from '@holdfast/client';
import { WebSocket } from 'ws';

/** Comes back in a moment, so that tests do not wait for it, and for as long as a busy machine takes. */
export const quickBackoff = { firstMs: 20, maxMs: 200, maxAttempts: 10_000 };

/** The client with the socket of `ws`, and everything it has told that nobody has asked for yet. */
export class NodeClient implements Disposable {
  readonly client: HoldfastClient;
  readonly errors: ClientEvents['$error'][] = [];
  readonly #changes: StateChange[] = [];
  #wake: () => void = () => undefined;

  constructor(url: string, options: ClientOptions = {}) {
    this.client = createClient(url, { WebSocket, backoff: quickBackoff, ...options });
    this.client.on('$state', (change) => {
      this.#changes.push(change);
      this.#wake();
    });
    this.client.on('$error', (error) => this.errors.push(error));
  }

  /** A client that has begun to connect. */
  static connecting(url: string, options?: ClientOptions): NodeClient {
    const node = new NodeClient(url, options);
    node.client.connect();
    return node;
  }

  /** A client that is connected. */
  static async open(url: string, options?: ClientOptions): Promise<NodeClient> {
    const node = NodeClient.connecting(url, options);
    await node.change('open');
    return node;
  }

  /** The next change to that state; those before it are passed over. */
  async change(to: ConnectionState): Promise<StateChange> {
    for (;;) {
      const change = this.#changes.shift();
      if (change?.to === to) return change;
      if (change === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

/** The next event of that name. */
export function nextEvent<K extends keyof ClientEvents>(client: HoldfastClient, event: K): Promise<ClientEvents[K]>;
export function nextEvent(client: HoldfastClient, event: string): Promise<unknown>;
export function nextEvent(client: HoldfastClient, event: string): Promise<unknown> {
  return new Promise((resolve) => {
    const off = client.on(event, (data) => {
      off();
      resolve(data);
    });
  });
}

/** The socket of `ws`, at hand for who wants to know how much waits in it. */
export class ObservedSocket extends WebSocket {
  static last: ObservedSocket | undefined;

  constructor(url: string, protocols: string[]) {
    super(url, protocols);
    ObservedSocket.last = this;
  }
}
