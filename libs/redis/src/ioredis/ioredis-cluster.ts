import type { Cluster, ClusterOptions, Redis } from 'ioredis';
import { type ClusterSource, hostAndPort } from '../cluster/cluster-source.js';
import { LinkError } from '../link.js';
import { inTime } from '../link-timing.js';
import { shardedPubSub } from '../pub-sub.js';
import type { ServerLink } from '../server-link.js';
import { slots } from '../slots.js';
import { asLinkError, IoredisLink } from './ioredis-link.js';

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
  #known: readonly string[] = [];

  constructor(private readonly client: Cluster) {}

  async masters(deadlineMs: number): Promise<readonly (string | undefined)[]> {
    const startedAt = performance.now();
    if (this.#known.length > 0) {
      const masters = await this.#ask(this.#known.map(hostAndPort), deadlineMs / 2).catch(() => undefined);
      if (masters) return masters;
    }
    // Those of the application may have other addresses by now.
    return await this.#ask([], deadlineMs - (performance.now() - startedAt));
  }

  addressOf(told: string): string {
    const { natMap } = this.client.options;
    const mapped = typeof natMap === 'function' ? natMap(told) : natMap?.[told];
    return mapped ? `${mapped.host}:${mapped.port}` : told;
  }

  connect(address: string): ServerLink {
    if (!this.#pattern) throw new LinkError('away', false, 'The cluster was not found yet');
    return new IoredisLink(this.#pattern, shardedPubSub, hostAndPort(address));
  }

  /** @param nodes - by which to ask; none: those that the application has named */
  async #ask(nodes: { host: string; port: number }[], deadlineMs: number): Promise<readonly (string | undefined)[]> {
    const seed = this.client.duplicate(nodes, once);
    let lastError: unknown;
    seed.on('error', (error: unknown) => (lastError ??= error));
    // Why one of them did not answer. The event has a space in its name.
    seed.on('node error', (error: unknown) => (lastError = error));
    try {
      await inTime('CLUSTER SLOTS', deadlineMs, false, () => seed.connect());
      this.#pattern = seed.nodes('master')[0];
      const masters = Array.from({ length: slots }, (_, slot) => seed.slots[slot]?.[0]);
      this.#known = [...new Set(masters)].filter((address) => address !== undefined);
      return masters;
    } catch (error) {
      throw asLinkError(lastError ?? error, false);
    } finally {
      seed.disconnect();
    }
  }
}
