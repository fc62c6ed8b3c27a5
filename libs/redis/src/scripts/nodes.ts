import { script } from './script.js';

/** Nodes by the end of their leases. KEYS: nodes. ARGV: node, lease. Returns whether it was known, and all nodes. */
export const beat = script(
  `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local known = redis.call('ZSCORE', KEYS[1], ARGV[1]) and 1 or 0
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
return {known, redis.call('ZRANGE', KEYS[1], 0, -1)}
`,
);
