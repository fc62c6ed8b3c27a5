import type { Script } from '../link.js';
import type { PubSub } from '../pub-sub.js';
import { fence, script } from './script.js';

/** The scripts that publish, by the command of the pub/sub. */
export interface PublishingScripts {
  readonly append: Script;
  readonly announce: Script;
}

export function publishingScripts({ publish }: PubSub): PublishingScripts {
  return { append: append(publish), announce: announce(publish) };
}

/**
 * Stores items and publishes them. A repeat of the call, which the number tells, gets the first answer; a call with an
 * older number has been given up, and is refused.
 *
 * KEYS: meta, log, call, and once if there is a window: while a slot moves, a key that does not exist is one that may
 * be on either side, and the call is refused. ARGV: number of the call, new epoch, size, bytes, ttl, life of the meta,
 * window of the key (0: there is none), channel, items.
 */
const append = (publish: PubSub['publish']): Script =>
  script(
    `${fence}
local number = tonumber(ARGV[1])
local size, maxBytes, window = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[7])
local call = redis.call('HMGET', KEYS[3], 'n', 'e', 'o', 'a', 'r')
if call[1] then
  if tonumber(call[1]) == number then return {call[2], call[3], call[4], call[5]} end
  if tonumber(call[1]) > number then return redis.error_reply('STALE a later call was stored') end
end
local function answer(epoch, first, at, isRepeat)
  redis.call('HSET', KEYS[3], 'n', ARGV[1], 'e', epoch, 'o', first, 'a', at, 'r', isRepeat)
  redis.call('PEXPIRE', KEYS[3], 300000)
  return {epoch, first, at, isRepeat}
end
if window > 0 then
  local known = redis.call('HMGET', KEYS[4], 'e', 'o', 'a')
  if known[1] then return answer(known[1], known[2], known[3], '1') end
end
redis.call('LLEN', KEYS[2])
local epoch, top = fence(KEYS[1], KEYS[2], ARGV[2])
local time = redis.call('TIME')
local at = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
local count = #ARGV - 8
redis.call('HINCRBY', KEYS[1], 'o', count)
redis.call('PEXPIRE', KEYS[1], ARGV[6])
local length = redis.call('LLEN', KEYS[2])
local bytes = length > 0 and tonumber(redis.call('HGET', KEYS[1], 'b')) or 0
for index = 9, #ARGV do
  local item = at .. ':' .. ARGV[index]
  redis.call('RPUSH', KEYS[2], item)
  bytes = bytes + #item
end
length = length + count
while length > size or (bytes > maxBytes and length > 1) do
  bytes = bytes - #redis.call('LPOP', KEYS[2])
  length = length - 1
end
redis.call('HSET', KEYS[1], 'b', string.format('%.0f', bytes))
redis.call('PEXPIRE', KEYS[2], ARGV[5])
local first = string.format('%.0f', top + 1)
if window > 0 then
  redis.call('HSET', KEYS[4], 'e', epoch, 'o', first, 'a', at)
  redis.call('PEXPIRE', KEYS[4], window)
end
local result = answer(epoch, first, at, '0')
for index = 9, #ARGV do
  local offset = string.format('%.0f', top + index - 8)
  redis.call('${publish}', ARGV[8], offset .. ' ' .. epoch .. ' ' .. at .. '\\n' .. ARGV[index])
end
return result
`,
  );

/**
 * Publishes in a room without history. The message names its node, which has delivered it already.
 *
 * KEYS: once if there is a window; without a key a server publishes as long as the slot is its own. ARGV: window of the
 * key (0: there is none), channel, node, items.
 */
const announce = (publish: PubSub['publish']): Script =>
  script(
    `
local window = tonumber(ARGV[1])
if window > 0 then
  local known = redis.call('GET', KEYS[1])
  if known then return {known, '1'} end
end
local time = redis.call('TIME')
local at = string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
if window > 0 then redis.call('SET', KEYS[1], at, 'PX', window) end
for index = 4, #ARGV do redis.call('${publish}', ARGV[2], '0 ' .. ARGV[3] .. ' ' .. at .. '\\n' .. ARGV[index]) end
return {at, '0'}
`,
  );

/**
 * Everything after a position, as far as it fits the page.
 *
 * KEYS: meta, log. ARGV: new epoch, life of the meta, epoch (empty: the top only), offset, items, bytes, whether only
 * the newest item matters.
 *
 * Returns epoch, top, and the reason why not, or an empty string; then from, undone, offset of the first item, items.
 */
export const read = script(
  `${fence}
local epoch, top, lineage = fence(KEYS[1], KEYS[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local function number(value) return string.format('%.0f', value) end
if ARGV[3] == '' then return {epoch, number(top), '', number(top), '0', '0'} end
local since = tonumber(ARGV[4])
local base = since
if ARGV[3] ~= epoch then
  local isKnown = false
  for known, ended in string.gmatch(lineage, '([^:,]+):(%d+)') do
    base = math.min(base, tonumber(ended))
    if known == ARGV[3] then
      isKnown = true
      break
    end
  end
  if not isKnown then return {epoch, number(top), 'epoch'} end
end
if base > top then return {epoch, number(top), 'future'} end
local undone = since - base
local length = redis.call('LLEN', KEYS[2])
local index = base - (top - length)
if ARGV[7] == '1' then
  if base == top and (undone == 0 or top == 0) then return {epoch, number(top), '', number(base), number(undone), '0'} end
  if length == 0 then return {epoch, number(top), 'trimmed'} end
  base = math.min(base, top - 1)
  index = length - 1
elseif base == top then
  return {epoch, number(top), '', number(base), number(undone), '0'}
elseif index < 0 then
  return {epoch, number(top), 'trimmed'}
end
local result = {epoch, number(top), '', number(base), number(undone), number(top - length + index + 1)}
local bytes = 0
local limit = tonumber(ARGV[5])
while index < length and #result - 6 < limit do
  for _, item in ipairs(redis.call('LRANGE', KEYS[2], index, math.min(index + 31, length - 1))) do
    bytes = bytes + #item
    if #result - 6 >= limit or (bytes > tonumber(ARGV[6]) and #result > 6) then return result end
    table.insert(result, item)
    index = index + 1
  end
end
return result
`,
);

/** The tops of rooms of one partition. KEYS: metas. ARGV: life of a meta. Returns epoch and offset for each, or ''. */
export const tops = script(
  `
local result = {}
for _, meta in ipairs(KEYS) do
  local room = redis.call('HMGET', meta, 'e', 'o')
  if room[1] then redis.call('PEXPIRE', meta, ARGV[1]) end
  table.insert(result, room[1] or '')
  table.insert(result, room[2] or '0')
end
return result
`,
);
