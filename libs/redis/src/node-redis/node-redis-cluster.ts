import { type ClusterSource, hostAndPort } from '../cluster/cluster-source.js';
import { LinkError } from '../link.js';
import { inTime } from '../link-timing.js';
import { shardedPubSub } from '../pub-sub.js';
import type { ServerLink } from '../server-link.js';
import { slots } from '../slots.js';
import { fixedServer, type NodeRedisClient } from './node-redis-client.js';
import { fromNodeRedis, NodeRedisLink } from './node-redis-link.js';

/** One master of a cluster. @publicApi */
export interface NodeRedisMaster {
  readonly host: string;
  readonly port: number;
  /** Made by `nodeClient` at once, and connected later. */
  readonly client?: NodeRedisClient | undefined;
}

/** For addresses that the cluster tells: those to connect to. @publicApi */
export type NodeRedisAddressMap =
  | Readonly<Record<string, { host: string; port: number }>>
  | ((address: string) => { host: string; port: number } | undefined);

/** What is used of a client that `createCluster` of node-redis has made. @publicApi */
export interface NodeRedisClusterClient {
  readonly slots: readonly ({ readonly master: NodeRedisMaster } | undefined)[];
  /** Nothing else leads to the map of addresses. */
  readonly _options: { readonly nodeAddressMap?: NodeRedisAddressMap | undefined };
  duplicate(overrides?: object): NodeRedisClusterClient;
  connect(): Promise<unknown>;
  destroy(): void;
  nodeClient(master: object): Promise<unknown>;
  on(event: string, listener: (error: Error) => void): unknown;
}

/**
 * Where the cluster is, by node-redis. Its client is asked for the servers only: it waits for servers that do not come
 * back, and does not tell which subscriptions it could not renew.
 */
export class NodeRedisCluster implements ClusterSource {
  /** To one of the servers: how to connect to the others. */
  #pattern: NodeRedisClient | undefined;

  constructor(private readonly client: NodeRedisClusterClient) {}

  addressOf(told: string): string {
    const { nodeAddressMap } = this.client._options;
    const mapped = typeof nodeAddressMap === 'function' ? nodeAddressMap(told) : nodeAddressMap?.[told];
    return mapped ? `${mapped.host}:${mapped.port}` : told;
  }

  connect(address: string): ServerLink {
    if (!this.#pattern) throw new LinkError('away', false, 'The cluster was not found yet');
    return new NodeRedisLink(fixedServer(this.#pattern, hostAndPort(address)), shardedPubSub);
  }

  async masters(addresses: readonly string[], deadlineMs: number): Promise<readonly (string | undefined)[]> {
    const rootNodes = addresses.map((address) => ({ socket: hostAndPort(address) }));
    // Without the second option it would wait until all masters can be reached.
    const seed = this.client.duplicate({ ...(rootNodes.length > 0 && { rootNodes }), minimizeConnections: true });
    let lastError: unknown;
    let opening: Promise<unknown> = Promise.resolve();
    // Without a listener an error would end the process.
    seed.on('error', (error) => (lastError ??= error));
    try {
      await inTime('CLUSTER SLOTS', deadlineMs, false, () => seed.connect());
      const masters = Array.from({ length: slots }, (_, slot) => seed.slots[slot]?.master);
      const one = masters.find((master) => master !== undefined);
      if (one && !this.#pattern) {
        // The client is there at once. If it were ended before it is connected, its socket would stay.
        opening = inTime('connect', deadlineMs, false, () => seed.nodeClient(one));
        this.#pattern = one.client;
      }
      return masters.map((master) => master && this.addressOf(`${master.host}:${master.port}`));
    } catch (error) {
      throw fromNodeRedis(lastError ?? error, false);
    } finally {
      opening.catch(() => undefined).finally(() => seed.destroy());
    }
  }
}
