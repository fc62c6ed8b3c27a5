import { afterEach, describe, expect, it, vi } from 'vitest';
import { HoldfastError } from '../../src/errors/holdfast-error.js';
import type { HoldfastOptions } from '../../src/module/options.js';
import { resolveOptions } from '../../src/module/resolve-options.js';

const aSecret = 'a secret of more than thirty-two characters';

/** The lines in which the refused options are named. Options come untyped from JavaScript and configuration files. */
function problemsOf(given: unknown, ownAuthenticator = false): string[] {
  try {
    resolveOptions(given as HoldfastOptions, ownAuthenticator);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    expect(error.code).toBe('INVALID_OPTIONS');
    return error.message.split('\n- ').slice(1);
  }
  return [];
}

/** Puts a value at a dotted name. */
function optionsWith(name: string, value: unknown): object {
  return name.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as object;
}

/** Whole numbers from a minimum; `unlimited` where Infinity switches the limit off. */
const numbers: readonly (readonly [name: string, minimum: number, kind?: 'unlimited'])[] = [
  ['admission.maxConnections', 1, 'unlimited'],
  ['admission.maxConnectionsPerIp', 1, 'unlimited'],
  ['admission.maxConnectionsPerPrincipal', 1, 'unlimited'],
  ['admission.handshakeTimeoutMs', 100],
  ['heartbeat.intervalMs', 0, 'unlimited'],
  ['heartbeat.missedBeats', 1],
  ['messages.maxPayloadBytes', 128],
  ['messages.maxFragments', 1],
  ['messages.maxBufferedChunks', 128],
  ['messages.unfinishedBytes', 1_048_576, 'unlimited'],
  ['messages.inboxMessages', 1],
  ['messages.inboxBytes', 1],
  ['messages.handlerTimeoutMs', 1, 'unlimited'],
  ['messages.maxStreams', 1, 'unlimited'],
  ['messages.maxViolations', 0, 'unlimited'],
  ['messages.maxEventLength', 1],
  ['messages.maxIdLength', 1],
  ['messages.maxDepth', 1],
  ['messages.bytesPerSecond', 1024, 'unlimited'],
  ['outbox.highWaterBytes', 1024],
  ['outbox.lowWaterBytes', 0],
  ['lifecycle.connectTimeoutMs', 1],
  ['lifecycle.helloTimeoutMs', 1],
  ['lifecycle.closeTimeoutMs', 1],
  ['lifecycle.drainWindowMs', 0],
  ['lifecycle.drainTimeoutMs', 0],
];
const flags = [
  'production',
  'admission.allowMissingOrigin',
  'admission.allowAnyOriginInProduction',
  'admission.useGlobalPrefix',
  'auth.allowInsecureJwks',
];
const groups = ['auth', 'admission', 'heartbeat', 'messages', 'outbox', 'lifecycle', 'admission.handshakeRate'];

describe('a wrong option is named with what is allowed:', () => {
  const refusals = numbers.flatMap(([name, minimum, kind]) => [
    ...[minimum - 1, -1, NaN, 1.5 + minimum, String(minimum), true, []].map((value) => [name, minimum, value] as const),
    ...(kind === 'unlimited' ? [] : [[name, minimum, Infinity] as const]),
  ]);

  it.each(refusals)('%s is at least %s, not %s', (name, minimum, value) => {
    const problems = problemsOf(optionsWith(name, value));
    expect(problems).not.toEqual([]);
    for (const problem of problems) expect(problem.startsWith(`${name} must`)).toBe(true);
    expect(problems.join()).toMatch(/integer|whole number|not be (less|greater) than/);
    if (typeof value === 'number' && value < minimum) expect(problems.join()).toContain(`less than ${minimum}`);
  });

  it.each(flags.flatMap((name) => ['yes', 1, {}].map((value) => [name, value] as const)))(
    '%s is true or false, not %s',
    (name, value) => {
      expect(problemsOf(optionsWith(name, value)).join()).toMatch(
        new RegExp(`^${name} must be (a boolean value|true or false), but is`),
      );
    },
  );

  it.each(groups.flatMap((name) => [5, 'all', true, [], [{}]].map((value) => [name, value] as const)))(
    '%s is a group, not %j',
    (name, value) => {
      expect(problemsOf(optionsWith(name, value)).join('\n')).toContain(`${name} must be an object of options`);
    },
  );

  it.each([
    ['admission.handshakeRate', { limit: 0, windowMs: 1 }, 'admission.handshakeRate.limit must be a whole number'],
    ['admission.handshakeRate', { limit: 1 }, 'admission.handshakeRate.windowMs must'],
    ['outbox.overflow', 'explode', 'outbox.overflow must be one of the following values: close, refuse, drop'],
    ['heartbeat.missedBeats', 101, 'heartbeat.missedBeats must not be greater than 100'],
    // `ws` would count so many as none, and a timer of Node would end at once.
    ['messages.maxPayloadBytes', 2 ** 32, 'messages.maxPayloadBytes must not be greater than 2147483647'],
    ['messages.maxFragments', 2 ** 32, 'messages.maxFragments must not be greater than 2147483647'],
    ['messages.maxBufferedChunks', 2 ** 32, 'messages.maxBufferedChunks must not be greater than 2147483647'],
    ['lifecycle.closeTimeoutMs', 2 ** 31, 'lifecycle.closeTimeoutMs must not be greater than 2147483647'],
    ['admission.origins', 'everybody', "admission.origins: origins must be 'same-origin', '*' or a list"],
    ['admission.origins', ['example.com'], 'admission.origins: origin "example.com"'],
    ['admission.trustedProxies', ['10.0.0.0/99'], 'admission.trustedProxies: '],
    ['admission.trustedProxies', -1, 'admission.trustedProxies: '],
    ['backplane', 'redis', 'backplane must be an engine, such as new MemoryBackplane(), but is of type string'],
    ['backplane', { publish: () => undefined }, 'backplane must be an engine'],
    ['auth.secret', 'short', 'auth.secret must be a string of at least 32 characters'],
    ['auth.jwksUrl', 7, 'auth.jwksUrl must be an absolute https URL'],
  ])('%s: %j', (name, value, message) => {
    expect(problemsOf(optionsWith(name, value)).join('\n')).toContain(message);
  });

  it('all of them at once', () => {
    const problems = problemsOf({ heartbeat: { intervalMs: -1 }, messages: { maxDepth: 0 }, production: 'no' });
    expect(problems.map((problem) => problem.split(' ')[0]).sort()).toEqual([
      'heartbeat.intervalMs',
      'messages.maxDepth',
      'production',
    ]);
  });

  it('but never its value where it may be a secret', () => {
    expect(problemsOf({ auth: { secret: 'hunter2' }, heartbeat: { hunter2: 'hunter2' } }).join()).not.toMatch(
      /hunter2(?! is not an option)/,
    );
  });
});

describe('an unknown option is named with those that there are:', () => {
  it.each([
    ['heartBeat', 'allowed here: production, backplane, auth, admission, heartbeat, messages, outbox, lifecycle'],
    ['heartbeat.interval', 'allowed here: intervalMs, missedBeats'],
    ['admission.handshakeRate.burst', 'allowed here: limit, windowMs'],
    ['auth.secrets', 'secret, publicKey, jwksUrl'],
  ])('%s', (name, allowed) => {
    const problems = problemsOf(optionsWith(name, 1)).filter((problem) => problem.startsWith(`${name} `));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${name} is not an option of Holdfast`);
    expect(problems[0]).toContain(allowed);
  });

  it.each([[undefined], [null], ['all'], [7], [[]]])('%j is no object of options at all', (given) => {
    expect(problemsOf(given)).toEqual(['the options must be an object']);
  });
});

describe('options that contradict each other are both named:', () => {
  it.each([
    [
      { messages: { inboxBytes: 1_000, maxPayloadBytes: 1_001 } },
      'messages.inboxBytes (1000) must not be below messages.maxPayloadBytes (1001)',
    ],
    [{ messages: { maxPayloadBytes: 2_000_000 } }, 'messages.inboxBytes (1048576) must not be below'],
    [
      { messages: { maxPayloadBytes: 1_048_576, unfinishedBytes: 2_097_151 } },
      'messages.unfinishedBytes (2097151) must be at least twice the largest message (1048576)',
    ],
    [
      { outbox: { highWaterBytes: 2_048, lowWaterBytes: 2_048 } },
      'outbox.lowWaterBytes (2048) must be below outbox.highWaterBytes (2048)',
    ],
    [
      { outbox: { highWaterBytes: 2_048, lowWaterBytes: 512 }, roomLimits: { publicationBytes: 2_049 } },
      'roomLimits.publicationBytes (2049) must not be above outbox.highWaterBytes (2048)',
    ],
    [{ roomLimits: { nameCharacters: 'a-z/' } }, 'roomLimits.nameCharacters: must not allow "/" in names of rooms'],
    [{ roomLimits: { nameCharacters: '^a-z' } }, 'roomLimits.nameCharacters: must be what stands between the brackets'],
    [{ roomLimits: { nameCharacters: 'z-a' } }, 'roomLimits.nameCharacters: must be what stands between the brackets'],
    [{ roomLimits: { nameCharacters: '\\s\\w' } }, 'roomLimits.nameCharacters: must not allow " " in names of rooms'],
    [{ auth: {} }, 'auth: exactly one of secret, publicKey and jwksUrl must be set, but none is'],
    [
      { auth: { secret: aSecret, jwksUrl: 'https://id.example/' } },
      'auth: exactly one of secret, publicKey and jwksUrl',
    ],
    [{ production: true, admission: { origins: '*' } }, 'admission.allowAnyOriginInProduction'],
  ])('%j', (given, message) => {
    expect(problemsOf(given).join('\n')).toContain(message);
  });

  it('a key has no effect beside an authenticator of the application, and none is needed', () => {
    expect(problemsOf({ auth: { secret: aSecret } }, true).join()).toContain('secret has no effect');
    expect(problemsOf({ auth: { cookieName: 'session' } }, true)).toEqual([]);
  });
});

describe('any origin', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is refused by NODE_ENV=production, unless somebody says that it is meant', () => {
    vi.stubEnv('NODE_ENV', 'production');
    expect(problemsOf({ admission: { origins: '*' } }).join()).toContain('admission.origins');
    expect(problemsOf({ admission: { origins: '*', allowAnyOriginInProduction: true } })).toEqual([]);
    expect(problemsOf({ production: false, admission: { origins: '*' } })).toEqual([]);
  });

  it('is allowed elsewhere', () => {
    vi.stubEnv('NODE_ENV', 'development');
    expect(problemsOf({ admission: { origins: '*' } })).toEqual([]);
  });
});

describe('resolved options', () => {
  it('are complete and frozen, groups and all', () => {
    const resolved = resolveOptions({}, false);
    expect(resolved).toMatchSnapshot();
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || Array.isArray(value) || Object.isFrozen(value);
    const groups: unknown[] = Object.values(resolved);
    for (const group of [resolved, ...groups, resolved.admission.handshakeRate]) expect(frozen(group)).toBe(true);
  });

  it('take undefined and null for the default', () => {
    const nothing = { intervalMs: undefined, missedBeats: null };
    const given = { heartbeat: nothing, admission: null, auth: null, messages: { maxDepth: null } };
    // As a configuration read from JSON would be.
    const resolved = resolveOptions(given as unknown as HoldfastOptions, false);
    expect({ ...resolved }).toEqual({ ...resolveOptions({}, false) });
  });

  it('keep what is given, and the defaults beside it', () => {
    const resolved = resolveOptions({ messages: { maxDepth: 3 }, heartbeat: { intervalMs: Infinity } }, false);
    expect(resolved.messages).toMatchObject({ maxDepth: 3, maxViolations: 20 });
    expect(resolved.decodeLimits).toMatchObject({ maxDepth: 3 });
    expect(resolved.heartbeat).toEqual({ intervalMs: Infinity, missedBeats: 2 });
  });

  it('are not changed by who changes what was given', () => {
    const handshakeRate = { limit: 1, windowMs: 1 };
    const resolved = resolveOptions({ admission: { handshakeRate } }, false);
    handshakeRate.limit = 1_000;
    expect(resolved.admission.handshakeRate.limit).toBe(1);
  });

  it.each([
    [{}, false],
    [{ auth: { secret: aSecret } }, true],
  ])('know whether tokens can be verified: %j', (given, hasKey) => {
    expect(resolveOptions(given, false).hasKey).toBe(hasKey);
  });
});
