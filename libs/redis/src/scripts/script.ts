import { createHash } from 'node:crypto';
import type { Script } from '../link.js';

export function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

/**
 * Begins a room, or notices that the server is not the one that wrote it: the replication id changes with each restart
 * and failover. Then the log goes on in another epoch, and `l` remembers where the old one has ended.
 *
 * What can fail comes first, while nothing is written: `HMGET` for a key of another type, and then a command that a
 * full server refuses. After a write that it does not refuse, such as `PEXPIRE`, it would let a script go on.
 */
export const fence = `
local function fence(meta, log, newEpoch)
  local run = string.sub(string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)'), 1, 12)
  local room = redis.call('HMGET', meta, 'e', 'o', 'g', 'l')
  local epoch, top, generation, lineage = room[1], tonumber(room[2] or '0'), room[3], room[4] or ''
  if not epoch then
    epoch, top, lineage = newEpoch, 0, ''
    redis.call('HSET', meta, 'e', epoch, 'o', 0, 'g', run, 'l', '', 'b', 0)
    redis.call('UNLINK', log)
  elseif generation ~= run then
    lineage = string.sub(epoch .. ':' .. string.format('%.0f', top) .. ',' .. lineage, 1, 400)
    epoch = newEpoch
    redis.call('HSET', meta, 'e', epoch, 'g', run, 'l', lineage)
  end
  return epoch, top, lineage
end
`;
