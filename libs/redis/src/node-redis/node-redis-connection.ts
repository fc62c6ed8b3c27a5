import { setTimeout as sleep } from 'node:timers/promises';
import { LinkError } from '../link.js';
import { inTime, retryDelayMs } from '../link-timing.js';
import type { NodeRedisClient, NodeRedisServer } from './node-redis-client.js';

/** Milliseconds for one attempt: a server that stands still accepts connections, and does not answer. */
const attemptMs = 2_000;

export interface NodeRedisConnectionParts {
  readonly server: NodeRedisServer;
  /** What a new connection needs before it is used. */
  prepare(client: NodeRedisClient): Promise<void>;
  up(): void;
  down(): void;
}

/** A client that is connected, or may be. */
interface Current {
  readonly client: NodeRedisClient;
  end(): void;
}

/**
 * A connection by node-redis. When it is lost, another one is made: the library would connect again to the same server,
 * though another one may have taken over, and does not tell which subscriptions it could not renew.
 */
export class NodeRedisConnection {
  readonly #closed = new AbortController();
  #current: Current | undefined;
  #lastError: unknown;

  constructor(private readonly parts: NodeRedisConnectionParts) {}

  /** Undefined: there is none at this moment. */
  get client(): NodeRedisClient | undefined {
    const client = this.#current?.client;
    return client?.isReady === true ? client : undefined;
  }

  /** Why there is none. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Resolves once connected, or closed. */
  async open(): Promise<void> {
    const { signal } = this.#closed;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#connect();
        return;
      } catch (error) {
        // Why the connection was refused is told by an event, and comes first.
        this.#lastError ??= error;
      }
      await sleep(retryDelayMs(attempt), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Gives the connection up, and makes another one. */
  renew(): void {
    this.#lost(this.#current?.client);
  }

  close(): void {
    this.#closed.abort();
    this.#current?.end();
  }

  async #connect(): Promise<void> {
    const { parts } = this;
    const { client, socket } = await parts.server.locate();
    this.#lastError = undefined;
    const next = client.duplicate({
      // The library would hold commands back until there is a connection, and run them seconds later.
      disableOfflineQueue: true,
      socket: { ...client.options?.socket, ...socket, reconnectStrategy: false },
    });
    // Without a listener an error would end the process.
    next.on('error', (error) => {
      this.#lastError = error;
      this.#lost(next);
    });
    const { connected, end } = connect(next);
    try {
      await inTime('connect', attemptMs, false, async () => {
        await connected;
        await parts.server.check(next);
        await parts.prepare(next);
      });
      if (!next.isReady) throw new LinkError('away', false, 'The connection was lost');
      if (this.#closed.signal.aborted) throw new LinkError('away', false, 'The link was closed');
    } catch (error) {
      end();
      throw error;
    }
    this.#current = { client: next, end };
    parts.up();
  }

  #lost(client: NodeRedisClient | undefined): void {
    if (!client || client !== this.#current?.client || this.#closed.signal.aborted) return;
    this.#current.end();
    this.#current = undefined;
    this.parts.down();
    void this.open();
  }
}

/** A client that is ended before it has a socket would get one afterwards, and keep it. `end` waits for that. */
function connect(client: NodeRedisClient): { readonly connected: Promise<unknown>; readonly end: () => void } {
  let mayEnd = false;
  let isEnded = false;
  const end = (): void => {
    isEnded = true;
    if (mayEnd && client.isOpen) client.destroy();
  };
  const settled = (): void => {
    mayEnd = true;
    if (isEnded) end();
  };
  client.on('connect', settled);
  const connected = client.connect();
  connected.then(settled, settled);
  return { connected, end };
}
