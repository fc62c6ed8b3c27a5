import { jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../ground/index.js';
import type { ResolvedAuthOptions } from './auth-options.js';
import { AuthenticationError } from '../errors/index.js';
import { Authenticator } from './authenticator.js';
import { refusalOf } from './jwt-refusal.js';
import type { Principal } from '../connection/index.js';
import { TokenCache } from './token-cache.js';
import { MAX_TOKEN_BYTES } from './token-sources.js';
import { verificationKeys } from './verification-keys.js';

/**
 * The one spelling of a token: base64url without padding (RFC 7515 section 2), and a signature whose last character
 * sets no bit that belongs to no byte (RFC 4648 section 3.5). `jose` decodes others as well, so that anyone could make
 * many texts of one token, each of them another one to a cache or to a list of tokens. What remains is that an ECDSA
 * signature has a twin, (r, n - s), that anyone can compute and every verifier accepts: two texts of such a token.
 */
const compactJws = /^[\w-]+[.][\w-]+[.](?:[\w-]{4})*(?:[\w-]{2}[AEIMQUYcgkosw048]|[\w-][AQgw])?$/;

/**
 * Verifies signed JSON Web Tokens (RFC 7519). `sub` is required; a token without `exp` never expires.
 *
 * @publicApi
 */
export class JwtAuthenticator extends Authenticator {
  readonly #findKey: JWTVerifyGetKey;
  readonly #cache: TokenCache;

  /** @internal HoldfastModule creates it. */
  constructor(
    private readonly options: ResolvedAuthOptions,
    private readonly clock: Clock,
  ) {
    super();
    this.#findKey = verificationKeys(options, clock);
    // A token must not stay good by the cache when the key that signed it has been withdrawn.
    const maxAgeMs = options.jwksUrl === undefined ? Infinity : options.jwksCacheMs;
    this.#cache = new TokenCache({ tokens: options.tokenCacheSize, bytes: options.tokenCacheBytes }, maxAgeMs, clock);
  }

  /** Verifies the token, once for all who present it. Throws as {@link Authenticator.authenticate} says. */
  authenticate(token: string): Principal | Promise<Principal> {
    if (token.length > MAX_TOKEN_BYTES) {
      const reason = `The token is longer than ${MAX_TOKEN_BYTES} bytes`;
      return Promise.reject(new AuthenticationError('UNAUTHORIZED', reason));
    }
    return this.#cache.resolve(token, () => this.#verify(token));
  }

  async #verify(token: string): Promise<Principal> {
    const { algorithms, issuer, audience, clockToleranceMs } = this.options;
    if (!compactJws.test(token)) throw new AuthenticationError('UNAUTHORIZED', 'The token is malformed');
    try {
      const { payload } = await jwtVerify(token, this.#findKey, {
        algorithms,
        issuer,
        audience,
        clockTolerance: clockToleranceMs / 1_000,
        currentDate: new Date(this.clock.wallNow()),
        requiredClaims: ['sub'],
      });
      return principalOf(payload);
    } catch (error) {
      throw refusalOf(error);
    }
  }
}

function principalOf(claims: JWTPayload): Principal {
  // jose checks that `sub` is there, not what it is; with an empty one, clients that have nothing to do with each other
  // would share an identity.
  if (typeof claims.sub !== 'string' || claims.sub === '') {
    throw new AuthenticationError('UNAUTHORIZED', 'The token names no subject');
  }
  // Shared by every connection that presents the token: one handler's change must not become another's rights.
  return freezeDeep({
    subject: claims.sub,
    expiresAt: claims.exp === undefined ? Infinity : claims.exp * 1_000,
    claims,
  });
}

function freezeDeep<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) freezeDeep(part);
  }
  return Object.freeze(value);
}
