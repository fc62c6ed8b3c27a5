import type { LimitAlgorithm } from '@holdfast/backplane';
import type { Script } from '../link.js';
import { script } from './script.js';

/**
 * For longer than what was counted has effect, in milliseconds: a clock that is set back, as by a failover to a server
 * whose clock is behind, must not end a limit early.
 */
const sparedMs = 10_000;

/**
 * KEYS: key. ARGV: limit, window, cost (0: only reads), the time, or an empty string for that of the server. Each
 * script ends with `answer(allowed, remaining, wait)`. The arithmetic is that of the meters in `@holdfast/backplane`.
 */
const prelude = `
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function text(number) return string.format('%.0f', number) end
local function keepFor(ms) redis.call('PEXPIRE', KEYS[1], text(ms + ${sparedMs})) end
local function answer(allowed, remaining, wait)
  return {allowed and 1 or 0, text(math.max(0, remaining)), text(math.max(0, wait))}
end
`;

const fixedWindow = script(`${prelude}
local stored = redis.call('HMGET', KEYS[1], 'used', 'ends')
local used, ends = tonumber(stored[1] or '0'), tonumber(stored[2] or '0')
if now >= ends then used = 0 end
if cost > 0 then
  if used + cost > limit then return answer(false, limit - used, ends - now) end
  if used == 0 then ends = now + window end
  used = used + cost
  redis.call('HSET', KEYS[1], 'used', text(used), 'ends', text(ends))
  keepFor(ends - now)
end
return answer(true, limit - used, 0)
`);

/** Fields are the numbers of cells. In sight are the present cell and the ten before it. */
const slidingWindow = script(`${prelude}
local cells, used, passed = {}, 0, {}
local present = math.floor(now * 10 / window)
local stored = redis.call('HGETALL', KEYS[1])
for index = 1, #stored, 2 do present = math.max(present, tonumber(stored[index])) end
for index = 1, #stored, 2 do
  local cell, count = tonumber(stored[index]), tonumber(stored[index + 1])
  if cell < present - 10 then
    table.insert(passed, stored[index])
  else
    cells[cell] = count
    used = used + count
  end
end
local function leavesAt(cell) return math.ceil((cell + 11) * window / 10) end
if cost > 0 then
  if used + cost > limit then
    local inSight, cell = used, present - 11
    while inSight > limit - cost do
      cell = cell + 1
      inSight = inSight - (cells[cell] or 0)
    end
    return answer(false, limit - used, leavesAt(cell) - now)
  end
  used = used + cost
  if #passed > 0 then redis.call('HDEL', KEYS[1], unpack(passed)) end
  redis.call('HINCRBY', KEYS[1], text(present), cost)
  keepFor(leavesAt(present) - now)
end
return answer(true, limit - used, 0)
`);

/** What is missing from a full bucket, in parts of a unit: `window` parts are one unit, `limit` flow in per ms. */
const tokenBucket = script(`${prelude}
local stored = redis.call('HMGET', KEYS[1], 'missing', 'at', 'limit')
local missing, at, before = tonumber(stored[1] or '0'), tonumber(stored[2] or '0'), tonumber(stored[3] or ARGV[1])
now = math.max(now, at)
local capacity = limit * window
missing = math.min(math.max(0, missing - math.min(now - at, window) * before), capacity)
local function store()
  redis.call('HSET', KEYS[1], 'missing', text(missing), 'at', text(now), 'limit', ARGV[1])
  keepFor(math.ceil(missing / limit))
end
local function units() return math.floor((capacity - missing) / window) end
if cost > 0 then
  local excess = missing + cost * window - capacity
  if excess > 0 then
    -- From now on it fills by the new limit, by which the wait is reckoned.
    if before ~= limit then store() end
    return answer(false, units(), math.ceil(excess / limit))
  end
  missing = missing + cost * window
  store()
end
return answer(true, units(), 0)
`);

export const limitScripts: Readonly<Record<LimitAlgorithm, Script>> = {
  'fixed-window': fixedWindow,
  'sliding-window': slidingWindow,
  'token-bucket': tokenBucket,
};
