import { ArrayNotEmpty, IsBoolean, IsIn, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import type { KeyObject, webcrypto } from 'node:crypto';
import {
  IsJwksUrl,
  IsMilliseconds,
  IsOneOrMoreStrings,
  IsPublicKey,
  IsSecret,
  KeptAsGiven,
} from './auth-options.validators.js';

const secretAlgorithms = ['HS256', 'HS384', 'HS512'] as const;
const keyAlgorithms = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const),
] as const;
const knownAlgorithms = [...secretAlgorithms, ...keyAlgorithms] as const;

/** Signature algorithms that can be allowed (RFC 7518, RFC 8037). `none` is not among them. */
export type JwtAlgorithm = (typeof knownAlgorithms)[number];

/**
 * How JSON Web Tokens are verified, where they are looked for, and what happens when one expires. Exactly one of
 * `secret`, `publicKey` and `jwksUrl` says by which key.
 *
 * @publicApi
 */
export class AuthOptions {
  /**
   * Secret shared with the signer of the tokens. A string of at least 32 characters or at least 32 bytes, because a
   * shorter one can be guessed offline from a single token. Default: none.
   */
  @IsOptional()
  @IsSecret()
  @KeptAsGiven()
  secret?: string | Uint8Array;

  /**
   * Public key of the signer of the tokens: a PEM of label PUBLIC KEY (SPKI), a KeyObject or a CryptoKey. Default:
   * none.
   */
  @IsOptional()
  @IsPublicKey()
  @KeptAsGiven()
  publicKey?: string | KeyObject | webcrypto.CryptoKey;

  /**
   * Where the signer publishes its keys (RFC 7517). Must be https, or http on localhost: who can change that answer
   * can sign tokens. At most 262_144 bytes (256 KiB) of the answer are read; one that is larger is no answer, and
   * tokens are refused with 503 `UNAVAILABLE`. Default: none.
   */
  @IsOptional()
  @IsJwksUrl()
  jwksUrl?: string;

  /** Accepts plain http for `jwksUrl` on any host, for networks that are encrypted by other means. Default: false. */
  @IsOptional()
  @IsBoolean({ message: '$property must be true or false' })
  allowInsecureJwks?: boolean;

  /**
   * Algorithms a token may be signed with. Default: HS256 with `secret`; RS256, PS256, ES256 and EdDSA with a key. HS*
   * cannot be allowed together with public keys: an attacker could use the published key as if it were the secret.
   */
  @IsOptional()
  @ArrayNotEmpty({ message: `$property must be a non-empty list of: ${knownAlgorithms.join(', ')}` })
  @IsIn(knownAlgorithms, {
    each: true,
    message: `$property must be a non-empty list of: ${knownAlgorithms.join(', ')}`,
  })
  algorithms?: JwtAlgorithm[];

  /** Accepted `iss`, one or several. Default: any, or none. Set it when the key signs for more than one issuer. */
  @IsOptional()
  @IsOneOrMoreStrings()
  issuer?: string | string[];

  /**
   * Accepted `aud`; a token must name one of these. Default: any, or none. Set it when the key signs for other services
   * too.
   */
  @IsOptional()
  @IsOneOrMoreStrings()
  audience?: string | string[];

  /**
   * Milliseconds by which clocks may differ when `exp` and `nbf` are checked. Default 5_000: synchronised machines stay
   * within it. 0: no difference is forgiven. Precise to the second, as the claims are. At most 10 minutes; Infinity,
   * which would accept every expired token, is refused.
   */
  @IsOptional()
  @IsMilliseconds(0)
  @Max(600_000, { message: '$property must be at most 600000 (10 minutes)' })
  clockToleranceMs?: number;

  /**
   * Cookie that holds the token. Default: none, cookies are not read, because browsers send them along from any page:
   * only the Origin check stands between such a page and the user's identity.
   */
  @IsOptional()
  @Matches(/^[\w!#$%&'*+.^`|~-]+$/, {
    message: "$property must be a cookie name (RFC 6265: letters, digits and !#$%&'*+-.^_`|~)",
  })
  cookieName?: string;

  /**
   * Query parameter that holds the token, for clients that can send it nowhere else. Default: none, because URLs end up
   * in the logs of every proxy on the way; only our own are redacted.
   */
  @IsOptional()
  @Matches(/^[\w.~-]+$/, { message: '$property must consist of letters, digits and . _ ~ -' })
  queryParameter?: string;

  /**
   * Milliseconds before expiry at which an SDK client is asked for a fresh token, but not before half of the token's
   * remaining life. Default 60_000: several attempts fit in. 0: asked at expiry, within the grace. Infinity is refused.
   */
  @IsOptional()
  @IsMilliseconds(0)
  refreshAheadMs?: number;

  /**
   * Milliseconds after expiry during which a connection still works, before it is closed with 4401. Default 25_000: a
   * client that sleeps or roams at that moment reconnects with a fresh token. 0: closed at expiry; needs
   * `clockToleranceMs: 0`. Infinity, which would make expiry meaningless, is refused.
   */
  @IsOptional()
  @IsMilliseconds(0)
  expiryGraceMs?: number;

  /**
   * Milliseconds after which published keys are fetched anew. Default 600_000 (10 minutes). A key that is withdrawn is
   * trusted for at most twice as long, once by this and once by the token cache. 0: fetched for every token. Infinity
   * is refused: a withdrawn key would be trusted for ever.
   */
  @IsOptional()
  @IsMilliseconds(0)
  jwksCacheMs?: number;

  /**
   * Milliseconds after a fetch during which a token that names an unknown key causes no other. Default 30_000:
   * unauthenticated clients must not be able to cause a fetch each. 0: every unknown key causes a fetch. Infinity is
   * refused: a rotated key would be noticed only after `jwksCacheMs`, which says so better.
   */
  @IsOptional()
  @IsMilliseconds(0)
  jwksCooldownMs?: number;

  /**
   * Milliseconds the endpoint may take to answer. Default 5_000. At least 1. Infinity, which would hold handshakes
   * open, is refused.
   */
  @IsOptional()
  @IsMilliseconds(1)
  jwksTimeoutMs?: number;

  /**
   * How many verified tokens are remembered, so that a reconnecting fleet is not verified anew. Default 10_000, about
   * 10 MB at most common claim sizes. 0: none. Infinity is refused: memory would have no limit.
   */
  @IsOptional()
  @IsInt({ message: '$property must be a whole number, 0 (off) or more, and not Infinity' })
  @Min(0, { message: '$property must be a whole number, 0 (off) or more, and not Infinity' })
  tokenCacheSize?: number;

  /**
   * Bytes of all the tokens that are remembered, which bounds `tokenCacheSize` of them where they are large. Default
   * 16_777_216 (16 MiB); the claims that are kept take about twice as much. At least 8_192, one token of the greatest
   * length. Infinity is refused: memory would have no limit.
   */
  @IsOptional()
  @IsInt({ message: '$property must be a whole number, 8192 or more, and not Infinity' })
  @Min(8_192, { message: '$property must be a whole number, 8192 or more, and not Infinity' })
  tokenCacheBytes?: number;
}

type Defaulted =
  | 'algorithms'
  | 'clockToleranceMs'
  | 'refreshAheadMs'
  | 'expiryGraceMs'
  | 'jwksCacheMs'
  | 'jwksCooldownMs'
  | 'jwksTimeoutMs'
  | 'tokenCacheSize'
  | 'tokenCacheBytes';

/** {@link AuthOptions} with every default filled in, frozen. */
export type ResolvedAuthOptions = Readonly<
  Omit<AuthOptions, Defaulted | 'allowInsecureJwks'> & Required<Pick<AuthOptions, Defaulted>>
>;

/** Fills in the defaults. Expects options that passed validation. */
export function resolveAuthOptions(options: Readonly<AuthOptions>): ResolvedAuthOptions {
  const algorithms: JwtAlgorithm[] = options.secret ? ['HS256'] : ['RS256', 'PS256', 'ES256', 'EdDSA'];
  // Configuration read from JSON says null where nothing is set, and validation lets it pass as absent.
  return Object.freeze<ResolvedAuthOptions>({
    secret: options.secret ?? undefined,
    publicKey: options.publicKey ?? undefined,
    jwksUrl: options.jwksUrl ?? undefined,
    algorithms: options.algorithms ?? algorithms,
    issuer: options.issuer ?? undefined,
    audience: options.audience ?? undefined,
    clockToleranceMs: options.clockToleranceMs ?? 5_000,
    cookieName: options.cookieName ?? undefined,
    queryParameter: options.queryParameter ?? undefined,
    refreshAheadMs: options.refreshAheadMs ?? 60_000,
    expiryGraceMs: options.expiryGraceMs ?? 25_000,
    jwksCacheMs: options.jwksCacheMs ?? 600_000,
    jwksCooldownMs: options.jwksCooldownMs ?? 30_000,
    jwksTimeoutMs: options.jwksTimeoutMs ?? 5_000,
    tokenCacheSize: options.tokenCacheSize ?? 10_000,
    tokenCacheBytes: options.tokenCacheBytes ?? 16_777_216,
  });
}

/**
 * What options that are fine one by one contradict in each other; empty when nothing does. Expects options that passed
 * validation.
 *
 * @param ownAuthenticator - True when tokens are verified by an Authenticator of the application's own, which needs no
 *   key.
 */
export function authContradictions(options: Readonly<AuthOptions>, ownAuthenticator = false): string[] {
  const resolved = resolveAuthOptions(options);
  const { jwksUrl, expiryGraceMs, clockToleranceMs } = resolved;
  const found = [...keySourceContradictions(resolved, ownAuthenticator), ...algorithmContradictions(resolved, options)];
  if (jwksUrl !== undefined && options.allowInsecureJwks !== true && !isSecure(jwksUrl)) {
    found.push('jwksUrl must be https; http is allowed on localhost, or anywhere with allowInsecureJwks: true');
  }
  if (expiryGraceMs < clockToleranceMs) {
    found.push(
      `expiryGraceMs (${expiryGraceMs}) must not be below clockToleranceMs (${clockToleranceMs}): ` +
        'a token accepted within the tolerance would be closed as expired at once',
    );
  }
  return found;
}

function keySourceContradictions(options: ResolvedAuthOptions, ownAuthenticator: boolean): string[] {
  const given = (['secret', 'publicKey', 'jwksUrl'] as const).filter((name) => options[name] !== undefined);
  if (ownAuthenticator) return given.map((name) => `${name} has no effect beside an authenticator of your own`);
  if (given.length === 1) return [];
  return [`exactly one of secret, publicKey and jwksUrl must be set, but ${given.join(' and ') || 'none'} is`];
}

function algorithmContradictions(
  { secret, publicKey, jwksUrl }: ResolvedAuthOptions,
  { algorithms }: Readonly<AuthOptions>,
): string[] {
  const symmetric = algorithms?.filter(isSecretAlgorithm) ?? [];
  const asymmetric = algorithms?.filter((name) => !isSecretAlgorithm(name)) ?? [];
  const found: string[] = [];
  if (secret !== undefined && asymmetric.length > 0) {
    found.push(
      `algorithms ${asymmetric.join(', ')} cannot be verified with secret; allowed: ${secretAlgorithms.join(', ')}`,
    );
  }
  if ((publicKey !== undefined || jwksUrl !== undefined) && symmetric.length > 0) {
    found.push(
      `algorithms ${symmetric.join(', ')} must not be mixed with publicKey or jwksUrl (anybody could sign with the ` +
        `published key); allowed: ${keyAlgorithms.join(', ')}`,
    );
  }
  return found;
}

function isSecretAlgorithm(name: JwtAlgorithm): boolean {
  return secretAlgorithms.some((known) => known === name);
}

function isSecure(jwksUrl: string): boolean {
  const url = new URL(jwksUrl);
  return url.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}
