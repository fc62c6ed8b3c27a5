import { RedisBackplane, type RedisBackplaneOptions } from '../redis-backplane.js';
import { type NodeRedisClient, NodeRedisLink } from './node-redis-link.js';

export type { NodeRedisClient } from './node-redis-link.js';

/** @publicApi */
export interface NodeRedisBackplaneOptions extends RedisBackplaneOptions {
  /** Where the server is and how to sign in. It is duplicated, and never used or closed itself. */
  readonly client: NodeRedisClient;
}

/**
 * The engine on Redis, by node-redis.
 *
 * ```ts
 * HoldfastModule.forRoot({ backplane: redisBackplane({ client: createClient({ url }), prefix: 'shop' }) });
 * ```
 *
 * @throws TypeError when the prefix is not allowed
 * @publicApi
 */
export function redisBackplane({ client, ...options }: NodeRedisBackplaneOptions): RedisBackplane {
  return new RedisBackplane(new NodeRedisLink(client), options);
}
