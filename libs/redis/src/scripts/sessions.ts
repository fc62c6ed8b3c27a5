import { script } from './script.js';

/** KEYS: session. ARGV: principal, node, idle time. */
export const create = script(
  `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'p', ARGV[1], 'n', ARGV[2], 'f', 1, 'i', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`,
);

/** KEYS: session. ARGV: principal, node. Returns the fence, the node before, and all fields. */
export const claim = script(
  `
local session = redis.call('HMGET', KEYS[1], 'p', 'n', 'i')
if not session[1] then return 'unknown' end
if session[1] ~= ARGV[1] then return 'foreign' end
local fence = redis.call('HINCRBY', KEYS[1], 'f', 1)
redis.call('HSET', KEYS[1], 'n', ARGV[2])
redis.call('PEXPIRE', KEYS[1], session[3])
return {fence, session[2], redis.call('HGETALL', KEYS[1])}
`,
);

/** A released session has no node, so that the lease that was released owns nothing any more. */
const owned = `
local session = redis.call('HMGET', KEYS[1], 'n', 'f', 'i')
if session[1] ~= ARGV[1] or session[2] ~= ARGV[2] then return 0 end
`;

/** KEYS: session. ARGV: node, fence, number of rooms to leave, those, then name and membership of each to join. */
export const change = script(
  `${owned}
local leaving = tonumber(ARGV[3])
for index = 4, 3 + leaving do redis.call('HDEL', KEYS[1], 'r:' .. ARGV[index]) end
for index = 4 + leaving, #ARGV, 2 do redis.call('HSET', KEYS[1], 'r:' .. ARGV[index], ARGV[index + 1]) end
redis.call('PEXPIRE', KEYS[1], session[3])
return 1
`,
);

/** KEYS: session. ARGV: node, fence, for how long it can be resumed. */
export const release = script(
  `${owned}
redis.call('HSET', KEYS[1], 'n', '')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`,
);

/** KEYS: session. ARGV: node, fence. */
export const touch = script(
  `${owned}
redis.call('PEXPIRE', KEYS[1], session[3])
return 1
`,
);
