export { type Argument, LinkError, type LinkListener, type RedisLink, type Script } from './link.js';
export { RedisBackplane, type RedisBackplaneOptions } from './redis-backplane.js';
