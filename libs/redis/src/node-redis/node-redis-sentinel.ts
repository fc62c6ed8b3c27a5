import { LinkError } from '../link.js';
import { inTime } from '../link-timing.js';
import type { NodeRedisClient, NodeRedisServer } from './node-redis-client.js';

/** What is used of a client that `createSentinel` of node-redis has made. @publicApi */
export interface NodeRedisSentinel {
  duplicate(overrides?: object): NodeRedisSentinel;
  connect(): Promise<unknown>;
  destroy(): Promise<void>;
  on(event: string, listener: (event: { readonly type?: string }) => void): unknown;
  /** Nothing else leads to the options of the connections to the primary. */
  _execute<T>(isReadonly: boolean, use: (client: NodeRedisClient) => Promise<T>): Promise<T>;
}

/** Milliseconds to find the primary. */
const locateMs = 2_000;

/**
 * The primary that Sentinel knows. The client for Sentinel is asked for it only: with commands it would wait seconds
 * for a failover and then repeat them, and it does not tell when its subscriptions were lost or hold again.
 */
export class NodeRedisPrimary implements NodeRedisServer {
  #sentinel: Promise<NodeRedisSentinel> | undefined;
  #switched: (() => void) | undefined;
  #isClosed = false;

  constructor(private readonly client: NodeRedisSentinel) {}

  async locate(): Promise<{ client: NodeRedisClient }> {
    const opened = (this.#sentinel ??= this.#open());
    try {
      const sentinel = await opened;
      // A client is no promise, and stays as it is.
      const find = (): Promise<NodeRedisClient> => sentinel._execute(false, (client) => Promise.resolve(client));
      return { client: await inTime('the search for the primary', locateMs, false, find) };
    } catch (error) {
      // It may have lost all Sentinels, or wait for a server that stands still.
      if (this.#sentinel === opened) {
        this.#sentinel = undefined;
        opened.then((sentinel) => void sentinel.destroy().catch(() => undefined)).catch(() => undefined);
      }
      throw error;
    }
  }

  /** Sentinel may not know yet that a server was demoted. */
  async check(client: NodeRedisClient): Promise<void> {
    const role: unknown = await client.sendCommand(['ROLE']);
    if (Array.isArray(role) && String(role[0]) === 'master') return;
    throw new LinkError('away', false, 'Sentinel names a server that is no primary');
  }

  watch(switched: () => void): void {
    this.#switched = switched;
  }

  close(): void {
    this.#isClosed = true;
    this.#switched = undefined;
    this.#sentinel?.then((sentinel) => sentinel.destroy()).catch(() => undefined);
  }

  async #open(): Promise<NodeRedisSentinel> {
    if (this.#isClosed) throw new LinkError('away', false, 'The link was closed');
    // It gives up after one attempt, instead of waiting a second before each of sixteen.
    const sentinel = this.client.duplicate({ maxCommandRediscovers: 0, masterPoolSize: 1, reserveClient: false });
    let lastError: unknown;
    // Without a listener an error would end the process.
    sentinel.on('error', (error) => (lastError = error));
    try {
      await inTime('the search for the primary', locateMs, false, () => sentinel.connect());
    } catch (error) {
      void sentinel.destroy().catch(() => undefined);
      throw lastError ?? error;
    }
    sentinel.on('topology-change', ({ type }) => {
      if (type === 'MASTER_CHANGE') this.#switched?.();
    });
    return sentinel;
  }
}
