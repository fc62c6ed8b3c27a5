import { type Backplane, BackplaneError } from '@holdfast/backplane';

const oldest = { major: 6, minor: 2 };

/**
 * Reads in the reply of `INFO` what survives a failure, and finds settings that would break a promise.
 *
 * @throws BackplaneError `MISCONFIGURED` with a sentence for an operator
 */
export function durabilityOf(info: string): Backplane['durability'] {
  const facts = new Map(
    info.split('\r\n').map((line) => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1)]),
  );
  const version = facts.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isKnown = major > oldest.major || (major === oldest.major && minor >= oldest.minor);
  if (!isKnown) {
    const found = version === '' ? 'of an unknown version' : version;
    throw misconfigured(`The server is Redis ${found}; ${oldest.major}.${oldest.minor} is the oldest that works`);
  }
  if (facts.get('role') !== 'master') {
    throw misconfigured('The server is a replica, which takes no writes: connect to the primary');
  }
  const warnings: string[] = [];
  const policy = facts.get('maxmemory_policy') ?? '';
  if (policy !== 'noeviction' && facts.get('maxmemory') !== '0') {
    warnings.push(
      `maxmemory-policy is ${policy}: when memory is full, Redis deletes rooms and sessions, whose clients then miss publications. Set it to noeviction`,
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
