/**
 * The credentials do not prove an identity. Thrown by an {@link Authenticator}; becomes 401 at the upgrade and an
 * `UNAUTHORIZED` or `TOKEN_EXPIRED` frame afterwards.
 *
 * @publicApi
 */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';

  /**
   * @param code - `TOKEN_EXPIRED` tells the client that a fresh token will do; `UNAUTHORIZED` that this one never will.
   * @param reason - Sent to the client, so it must not contain the token or anything taken from it.
   * @param options - `cause` is for logs only and is never sent.
   */
  constructor(
    readonly code: 'UNAUTHORIZED' | 'TOKEN_EXPIRED',
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(reason, options);
  }
}

/**
 * Nobody can say whether the credentials are good, because what verifies them is away (a JWKS endpoint, a user
 * store). Becomes 503, not 401: a client that is told 401 would throw a good token away.
 *
 * @publicApi
 */
export class AuthenticatorUnavailableError extends Error {
  override readonly name = 'AuthenticatorUnavailableError';
  readonly code = 'UNAVAILABLE';
}
