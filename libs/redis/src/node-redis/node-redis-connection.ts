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

/**
 * A connection by node-redis. When it is lost, another one is made: the library would connect again to the same server,
 * though another one may have taken over, and does not tell which subscriptions it could not renew.
 */
export class NodeRedisConnection {
  readonly #end = new AbortController();
  #client: NodeRedisClient | undefined;
  #lastError: unknown;

  constructor(private readonly parts: NodeRedisConnectionParts) {}

  /** Undefined: there is none at this moment. */
  get client(): NodeRedisClient | undefined {
    return this.#client?.isReady === true ? this.#client : undefined;
  }

  /** Why there is none. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Resolves once connected, or closed. */
  async open(): Promise<void> {
    const { signal } = this.#end;
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
    this.#lost(this.#client);
  }

  close(): void {
    this.#end.abort();
    drop(this.#client);
  }

  async #connect(): Promise<void> {
    const { server, prepare, up } = this.parts;
    const { client, socket } = await server.locate();
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
    try {
      await inTime('connect', attemptMs, false, async () => {
        await next.connect();
        await server.check(next);
        await prepare(next);
      });
      if (!next.isReady) throw new LinkError('away', false, 'The connection was lost');
      if (this.#end.signal.aborted) throw new LinkError('away', false, 'The link was closed');
    } catch (error) {
      drop(next);
      throw error;
    }
    this.#client = next;
    up();
  }

  #lost(client: NodeRedisClient | undefined): void {
    if (!client || client !== this.#client || this.#end.signal.aborted) return;
    this.#client = undefined;
    drop(client);
    this.parts.down();
    void this.open();
  }
}

function drop(client: NodeRedisClient | undefined): void {
  if (client?.isOpen === true) client.destroy();
}
