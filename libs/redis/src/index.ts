export { type Argument, LinkError, type LinkListener, type RedisLink } from './link.js';
export { RedisBackplane, type RedisBackplaneOptions } from './redis-backplane.js';
