import { type Backplane, BackplaneError } from '@holdfast/backplane';
import { type PubSub, shardedPubSub } from './pub-sub.js';

type Durability = Backplane['durability'];

/** Sharded pub/sub is part of Redis since 7.0. */
const oldest = { PUBLISH: { major: 6, minor: 2 }, SPUBLISH: { major: 7, minor: 0 } };

/**
 * Reads in the replies to `INFO` what survives a failure, and finds settings that would break a promise. Of several
 * servers it is what the weakest keeps.
 *
 * @throws BackplaneError `MISCONFIGURED` with a sentence for an operator
 */
export function durabilityOf(infos: readonly string[], pubSub: PubSub): Durability {
  const all = infos.map((info) => durabilityOfServer(factsOf(info), pubSub));
  const weakest = all.find(({ kind }) => kind === 'memory') ?? all[0];
  if (!weakest) throw misconfigured('No server takes writes');
  return { ...weakest, warnings: [...new Set(all.flatMap(({ warnings }) => warnings))] };
}

function factsOf(info: string): Map<string, string> {
  return new Map(info.split('\r\n').map((line) => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1)]));
}

function durabilityOfServer(facts: Map<string, string>, pubSub: PubSub): Durability {
  const version = facts.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const least = oldest[pubSub.publish];
  if (major < least.major || (major === least.major && minor < least.minor)) {
    const found = version === '' ? 'of an unknown version' : version;
    throw misconfigured(`The server is Redis ${found}; ${least.major}.${least.minor} is the oldest that works`);
  }
  if (facts.get('role') !== 'master') {
    throw misconfigured('The server is a replica, which takes no writes: connect to the primary');
  }
  if (facts.get('redis_mode') === 'cluster' && pubSub !== shardedPubSub) {
    throw misconfigured('The server is one of a cluster: give the engine a client for clusters');
  }
  const warnings: string[] = [];
  const policy = facts.get('maxmemory_policy') ?? '';
  if (policy !== 'noeviction' && facts.get('maxmemory') !== '0') {
    warnings.push(
      `maxmemory-policy is ${policy}: when memory is full, Redis deletes rooms and sessions, whose clients then miss publications. Set it to noeviction`,
    );
  }
  if (Number(facts.get('connected_slaves')) > 0 && !facts.has('min_slaves_good_slaves')) {
    warnings.push(
      'min-replicas-to-write is 0: a primary that is cut off from its replicas goes on storing publications, which are lost when a replica takes over. Set it to 1',
    );
  }
  // With the default of `appendfsync`, which is not part of `INFO`, a second may be lost.
  if (facts.get('aof_enabled') === '1') return { kind: 'disk', loseMs: 1_000, warnings };
  warnings.push('appendonly is off: a restart of Redis loses what was published since its last snapshot');
  return { kind: 'memory', loseMs: 0, warnings };
}

function misconfigured(message: string): BackplaneError {
  return new BackplaneError('connect', 'MISCONFIGURED', 'none', message);
}
