import type { Redis } from 'ioredis';
import { RedisBackplane, type RedisBackplaneOptions } from '../redis-backplane.js';
import { IoredisLink } from './ioredis-link.js';

/** @publicApi */
export interface IoredisBackplaneOptions extends RedisBackplaneOptions {
  /** Where the server is and how to sign in. It is duplicated, and never used or closed itself. */
  readonly client: Redis;
}

/**
 * The engine on Redis, by ioredis.
 *
 * ```ts
 * HoldfastModule.forRoot({ backplane: redisBackplane({ client: new Redis(url), prefix: 'shop' }) });
 * ```
 *
 * @throws TypeError when the prefix is not allowed
 * @publicApi
 */
export function redisBackplane({ client, ...options }: IoredisBackplaneOptions): RedisBackplane {
  return new RedisBackplane(new IoredisLink(client), options);
}
