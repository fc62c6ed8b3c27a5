import type { Cluster, Redis } from 'ioredis';
import { ClusterLink } from '../cluster/cluster-link.js';
import { plainPubSub } from '../pub-sub.js';
import { RedisBackplane, type RedisBackplaneOptions } from '../redis-backplane.js';
import { SingleLink } from '../single-link.js';
import { IoredisCluster } from './ioredis-cluster.js';
import { IoredisLink } from './ioredis-link.js';

/** @publicApi */
export interface IoredisBackplaneOptions extends RedisBackplaneOptions {
  /**
   * Where Redis is and how to sign in: one server, `new Redis({ sentinels, name })`, or a `Cluster` of Redis 7.0 or
   * newer. It is duplicated, and never used or closed itself.
   */
  readonly client: Redis | Cluster;
}

/**
 * The engine on Redis, by ioredis.
 *
 * ```ts
 * HoldfastModule.forRoot({ backplane: redisBackplane({ client: new Redis(url), prefix: 'shop' }) });
 * ```
 *
 * With Sentinel the client is `new Redis({ sentinels, name })`, with a cluster `new Cluster(nodes)`.
 *
 * @throws TypeError when the prefix is not allowed
 * @publicApi
 */
export function redisBackplane({ client, ...options }: IoredisBackplaneOptions): RedisBackplane {
  const link =
    'slots' in client
      ? new ClusterLink(new IoredisCluster(client))
      : new SingleLink(new IoredisLink(client, plainPubSub));
  return new RedisBackplane(link, options);
}
