import { BackplaneError } from '@holdfast/backplane';

/** What `INFO` says of the server. */
export interface ServerFacts {
  readonly durability: { kind: 'memory' | 'disk'; loseMs: number; warnings: readonly string[] };
}

const oldest = [6, 2];

/**
 * Finds settings that would break a promise.
 *
 * @throws BackplaneError `MISCONFIGURED` with a sentence for an operator
 */
export function serverFacts(info: string): ServerFacts {
  const facts = new Map(
    info.split('\r\n').map((line) => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1)]),
  );
  const version = facts.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = oldest;
  if (!(major > leastMajor || (major === leastMajor && minor >= leastMinor))) {
    throw misconfigured(
      `The server is Redis ${version || 'of an unknown version'}; ${oldest.join('.')} is the oldest that works`,
    );
  }
  if (facts.get('role') !== 'master') {
    throw misconfigured('The server is a replica, which takes no writes: connect to the primary, or by Sentinel');
  }
  const warnings: string[] = [];
  const policy = facts.get('maxmemory_policy') ?? '';
  if (policy !== 'noeviction' && facts.get('maxmemory') !== '0') {
    warnings.push(
      `maxmemory-policy is ${policy}: when memory is full, Redis deletes rooms and sessions, whose clients then miss publications. Set it to noeviction`,
    );
  }
  const isOnDisk = facts.get('aof_enabled') === '1';
  if (!isOnDisk)
    warnings.push('appendonly is off: a restart of Redis loses what was published since its last snapshot');
  return { durability: { kind: isOnDisk ? 'disk' : 'memory', loseMs: isOnDisk ? 1_000 : 0, warnings } };
}

function misconfigured(message: string): BackplaneError {
  return new BackplaneError('connect', 'MISCONFIGURED', 'none', message);
}
