import type { Cluster, ClusterOptions, Redis } from 'ioredis';
import { type ClusterSource, hostAndPort } from '../cluster/cluster-source.js';
import { LinkError } from '../link.js';
import { inTime } from '../link-timing.js';
import { shardedPubSub } from '../pub-sub.js';
import type { ServerLink } from '../server-link.js';
import { slots } from '../slots.js';
import { fromIoredis, IoredisLink } from './ioredis-link.js';

/** One look at the cluster. Whether it is in order is found out by the commands. */
const once: ClusterOptions = {
  lazyConnect: true,
  enableReadyCheck: false,
  shardedSubscribers: false,
  clusterRetryStrategy: () => null,
};

/**
 * Where the cluster is, by ioredis. Its `Cluster` is asked for the servers only: it would send commands again whose
 * connection was lost, and it does not tell which subscriptions it could not renew.
 */
export class IoredisCluster implements ClusterSource {
  /** To one of the servers: how to connect to the others. */
  #pattern: Redis | undefined;

  constructor(private readonly client: Cluster) {}

  addressOf(told: string): string {
    const { natMap } = this.client.options;
    const mapped = typeof natMap === 'function' ? natMap(told) : natMap?.[told];
    return mapped ? `${mapped.host}:${mapped.port}` : told;
  }

  connect(address: string): ServerLink {
    if (!this.#pattern) throw new LinkError('away', false, 'The cluster was not found yet');
    return new IoredisLink(this.#pattern, shardedPubSub, hostAndPort(address));
  }

  async masters(addresses: readonly string[], deadlineMs: number): Promise<readonly (string | undefined)[]> {
    // Without any these are the nodes of the application.
    const seed = this.client.duplicate(addresses.map(hostAndPort), once);
    let lastError: unknown;
    seed.on('error', (error: unknown) => (lastError ??= error));
    // Why one of them did not answer. The event has a space in its name.
    seed.on('node error', (error: unknown) => (lastError = error));
    try {
      await inTime('CLUSTER SLOTS', deadlineMs, false, () => seed.connect());
      this.#pattern = seed.nodes('master')[0];
      return Array.from({ length: slots }, (_, slot) => seed.slots[slot]?.[0]);
    } catch (error) {
      throw fromIoredis(lastError ?? error, false);
    } finally {
      seed.disconnect();
    }
  }
}
