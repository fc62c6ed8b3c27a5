import { createRemoteJWKSet, type CryptoKey, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { createPublicKey, webcrypto } from 'node:crypto';
import { BoundedLog, type Clock } from '../ground/index.js';
import type { ResolvedAuthOptions } from './auth-options.js';
import { AuthenticatorUnavailableError } from '../errors/index.js';
import { fetchJwks } from './jwks-fetch.js';

/** While the endpoint fails it is asked once a second, however many clients wait to reconnect. */
const failurePauseMs = 1_000;

/** How `jose` gets the key for a token, from whichever source the options name. */
export function verificationKeys(options: ResolvedAuthOptions, clock: Clock): JWTVerifyGetKey {
  const { secret, publicKey, jwksUrl } = options;
  if (secret !== undefined) return secretKeys(typeof secret === 'string' ? new TextEncoder().encode(secret) : secret);
  if (publicKey !== undefined) {
    const key = typeof publicKey === 'string' ? createPublicKey(publicKey) : publicKey;
    return () => key;
  }
  if (jwksUrl !== undefined) return remoteKeys(new URL(jwksUrl), options, clock);
  throw new TypeError('JwtAuthenticator needs one of secret, publicKey and jwksUrl');
}

/** One key per algorithm: from bytes `jose` would make a key for each token, which costs as much as to verify it. */
function secretKeys(secret: Uint8Array): JWTVerifyGetKey {
  const keys = new Map<string, Promise<CryptoKey>>();
  return ({ alg }) => {
    const known = keys.get(alg);
    if (known) return known;
    // `jose` has checked that the algorithm is one of those that are allowed: HS256, HS384 or HS512.
    const algorithm = { name: 'HMAC', hash: `SHA-${alg.slice(-3)}` };
    const key = webcrypto.subtle.importKey('raw', secret, algorithm, false, ['verify']);
    keys.set(alg, key);
    return key;
  };
}

/**
 * Published keys, fetched when they are too old and when a token names one that is not known yet. `jose` does the
 * fetching, sharing and matching; when to fetch is decided here, by our clock, and failures get a class of their own.
 */
function remoteKeys(url: URL, options: ResolvedAuthOptions, clock: Clock): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: options.jwksTimeoutMs,
    cacheMaxAge: Infinity,
    cooldownDuration: Infinity,
    [customFetch]: fetchJwks,
  });
  const log = new BoundedLog('Holdfast', clock);
  let fetchedAt = -Infinity;
  let failedAt = -Infinity;

  const refresh = async (): Promise<void> => {
    if (clock.now() - failedAt < failurePauseMs) throw unavailable();
    try {
      await keys.reload();
      fetchedAt = clock.now();
    } catch (cause) {
      failedAt = clock.now();
      // Clients are told that they may try again, and nothing of the reason.
      log.error('jwks', 'The keys at auth.jwksUrl cannot be fetched', cause);
      throw unavailable(cause);
    }
  };

  return async (header, token) => {
    if (clock.now() - fetchedAt >= options.jwksCacheMs) await refresh();
    try {
      return await keys(header, token);
    } catch (error) {
      const isNew = error instanceof errors.JWKSNoMatchingKey && clock.now() - fetchedAt >= options.jwksCooldownMs;
      if (!isNew) throw error;
    }
    await refresh();
    return keys(header, token);
  };
}

function unavailable(cause?: unknown): AuthenticatorUnavailableError {
  return new AuthenticatorUnavailableError('The keys that tokens are verified with cannot be fetched', { cause });
}
