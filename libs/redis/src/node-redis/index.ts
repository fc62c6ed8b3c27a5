import { ClusterLink } from '../cluster/cluster-link.js';
import type { RedisLink } from '../link.js';
import { plainPubSub } from '../pub-sub.js';
import { RedisBackplane, type RedisBackplaneOptions } from '../redis-backplane.js';
import { SingleLink } from '../single-link.js';
import { fixedServer, type NodeRedisClient } from './node-redis-client.js';
import { NodeRedisCluster, type NodeRedisClusterClient } from './node-redis-cluster.js';
import { NodeRedisLink } from './node-redis-link.js';
import { NodeRedisPrimary, type NodeRedisSentinel } from './node-redis-sentinel.js';

export type { NodeRedisClient, NodeRedisMessageListener } from './node-redis-client.js';
export type { NodeRedisAddressMap, NodeRedisClusterClient, NodeRedisMaster } from './node-redis-cluster.js';
export type { NodeRedisSentinel } from './node-redis-sentinel.js';

/** @publicApi */
export interface NodeRedisBackplaneOptions extends RedisBackplaneOptions {
  /**
   * Where Redis is and how to sign in: one server by `createClient`, `createSentinel`, or `createCluster` for a cluster
   * of Redis 7.0 or newer. It is duplicated, and never used or closed itself.
   */
  readonly client: NodeRedisClient | NodeRedisSentinel | NodeRedisClusterClient;
}

/**
 * The engine on Redis, by node-redis.
 *
 * ```ts
 * HoldfastModule.forRoot({ backplane: redisBackplane({ client: createClient({ url }), prefix: 'shop' }) });
 * ```
 *
 * With Sentinel the client is made by `createSentinel`, with a cluster by `createCluster`.
 *
 * @throws TypeError when the prefix is not allowed
 * @publicApi
 */
export function redisBackplane({ client, ...options }: NodeRedisBackplaneOptions): RedisBackplane {
  return new RedisBackplane(linkOf(client), options);
}

function linkOf(client: NodeRedisBackplaneOptions['client']): RedisLink {
  if ('slots' in client) return new ClusterLink(new NodeRedisCluster(client));
  const server = '_execute' in client ? new NodeRedisPrimary(client) : fixedServer(client);
  return new SingleLink(new NodeRedisLink(server, plainPubSub));
}
