export { type Argument, LinkError, type LinkListener, type LinkSetup, type RedisLink } from './link.js';
export { plainPubSub, type PubSub, shardedPubSub } from './pub-sub.js';
export { RedisBackplane, type RedisBackplaneOptions } from './redis-backplane.js';
