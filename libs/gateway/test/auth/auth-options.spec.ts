import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { exportSPKI, generateKeyPair } from 'jose';
import { generateKeyPairSync, KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import 'reflect-metadata';
import { authContradictions, AuthOptions, resolveAuthOptions } from '../../src/auth/auth-options.js';
import { SECRET } from './support/tokens.js';

const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
const pem = await exportSPKI(publicKey);
const privatePem = KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' });

function problems(values: object): string[] {
  const errors = validateSync(plainToInstance(AuthOptions, values));
  return errors.flatMap(({ constraints }) => Object.values(constraints ?? {}));
}

describe('AuthOptions', () => {
  it.each([
    { secret: SECRET },
    { secret: new Uint8Array(32) },
    { secret: SECRET, algorithms: ['HS256', 'HS512'] },
    { publicKey: pem },
    { publicKey },
    { publicKey: KeyObject.from(publicKey), algorithms: ['RS256'] },
    { jwksUrl: 'https://id.example/keys', issuer: 'https://id.example/', audience: ['chat', 'feed'] },
    { jwksUrl: 'http://localhost:8080/keys' },
    { jwksUrl: 'http://[::1]:8080/keys' },
    { jwksUrl: 'http://keys.internal/', allowInsecureJwks: true },
    { secret: SECRET, expiryGraceMs: 0, clockToleranceMs: 0, refreshAheadMs: 0, tokenCacheSize: 0 },
    { secret: SECRET, cookieName: '__Host-session', queryParameter: 'access_token' },
  ])('accepts %o', (values) => {
    expect(problems(values)).toEqual([]);
    expect(authContradictions(plainToInstance(AuthOptions, values))).toEqual([]);
  });

  it.each([
    [{ secret: 'short' }, /^secret must be a string of at least 32 characters/],
    [{ secret: new Uint8Array(31) }, /^secret must .* at least 32 bytes/],
    [{ publicKey: privatePem }, /^publicKey must be a PEM that begins with -----BEGIN PUBLIC KEY-----/],
    [{ publicKey: pem.replace('MII', 'AAA') }, /^publicKey must/],
    [{ publicKey: privateKey }, /^publicKey must .* of type "public"/],
    [{ publicKey: generateKeyPairSync('ed25519').privateKey }, /^publicKey must/],
    [{ jwksUrl: 'ftp://id.example/keys' }, /^jwksUrl must be an absolute https URL/],
    [{ jwksUrl: 'https://user:word@id.example/keys' }, /^jwksUrl must .* without user name and password/],
    [{ jwksUrl: '/keys' }, /^jwksUrl must be an absolute https URL/],
    [{ algorithms: ['none'] }, /^algorithms must be a non-empty list of: HS256, /],
    [{ algorithms: [] }, /^algorithms must be a non-empty list of: HS256, /],
    [{ issuer: '' }, /^issuer must be a non-empty string/],
    [{ audience: ['chat', 7] }, /^audience must be a non-empty string/],
    [{ clockToleranceMs: Infinity }, /^clockToleranceMs must /],
    [{ clockToleranceMs: 600_001 }, /^clockToleranceMs must be at most 600000/],
    [{ refreshAheadMs: -1 }, /^refreshAheadMs must be a whole number of milliseconds, 0 or more, and not Infinity$/],
    [{ expiryGraceMs: '25s' }, /^expiryGraceMs must be a whole number of milliseconds/],
    [{ jwksTimeoutMs: 0 }, /^jwksTimeoutMs must be a whole number of milliseconds, 1 or more/],
    [{ tokenCacheSize: Infinity }, /^tokenCacheSize must be a whole number, 0 \(off\) or more/],
    [{ tokenCacheBytes: 8_191 }, /^tokenCacheBytes must be a whole number, 8192 or more/],
    [{ tokenCacheBytes: Infinity }, /^tokenCacheBytes must be a whole number, 8192 or more/],
    [{ cookieName: 'two words' }, /^cookieName must be a cookie name/],
    [{ queryParameter: 'a&b' }, /^queryParameter must consist of/],
    [{ allowInsecureJwks: 'yes' }, /^allowInsecureJwks must be true or false/],
  ])('refuses %o by name', (values, message) => {
    expect(problems(values)).toContainEqual(expect.stringMatching(message));
  });

  it('does not repeat a refused secret in its message', () => {
    expect(problems({ secret: 'hunter2' }).join()).not.toContain('hunter2');
  });

  it('hands keys through class-transformer as they are', () => {
    const key = KeyObject.from(publicKey);
    expect(plainToInstance(AuthOptions, { publicKey: key }).publicKey).toBe(key);
    expect(plainToInstance(AuthOptions, { publicKey }).publicKey).toBe(publicKey);
  });
});

describe('authContradictions', () => {
  it.each([
    [{}, 'exactly one of secret, publicKey and jwksUrl must be set, but none is'],
    [{ secret: null }, 'exactly one of secret, publicKey and jwksUrl must be set, but none is'],
    [{ secret: SECRET, publicKey: pem }, 'must be set, but secret and publicKey is'],
    [
      { secret: SECRET, algorithms: ['HS256', 'RS256'] },
      'algorithms RS256 cannot be verified with secret; allowed: HS256',
    ],
    [
      { publicKey: pem, algorithms: ['HS256', 'RS256'] },
      'algorithms HS256 must not be mixed with publicKey or jwksUrl',
    ],
    [
      { jwksUrl: 'https://id.example/', algorithms: ['HS512'] },
      'algorithms HS512 must not be mixed with publicKey or jwksUrl',
    ],
    [{ jwksUrl: 'http://id.example/' }, 'jwksUrl must be https'],
    [{ jwksUrl: 'http://localhost.example/' }, 'jwksUrl must be https'],
    [{ secret: SECRET, expiryGraceMs: 0 }, 'expiryGraceMs (0) must not be below clockToleranceMs (5000)'],
  ])('names what is wrong with %o', (values, message) => {
    expect(authContradictions(plainToInstance(AuthOptions, values))).toContainEqual(expect.stringContaining(message));
  });

  it('wants no key beside an authenticator of the application, and says so when there is one', () => {
    expect(authContradictions({ cookieName: 'session' }, true)).toEqual([]);
    expect(authContradictions({ secret: SECRET }, true)).toEqual([
      'secret has no effect beside an authenticator of your own',
    ]);
  });
});

describe('resolveAuthOptions', () => {
  it('fills in every default and freezes the result', () => {
    const resolved = resolveAuthOptions({ secret: SECRET });
    expect(resolved).toEqual({
      secret: SECRET,
      algorithms: ['HS256'],
      clockToleranceMs: 5_000,
      refreshAheadMs: 60_000,
      expiryGraceMs: 25_000,
      jwksCacheMs: 600_000,
      jwksCooldownMs: 30_000,
      jwksTimeoutMs: 5_000,
      tokenCacheSize: 10_000,
      tokenCacheBytes: 16_777_216,
    });
    expect(Object.isFrozen(resolved)).toBe(true);
  });

  it('allows the asymmetric algorithms by default where a key is public', () => {
    expect(resolveAuthOptions({ publicKey: pem }).algorithms).toEqual(['RS256', 'PS256', 'ES256', 'EdDSA']);
    expect(resolveAuthOptions({ jwksUrl: 'https://id.example/' }).algorithms).toEqual([
      'RS256',
      'PS256',
      'ES256',
      'EdDSA',
    ]);
  });
});
