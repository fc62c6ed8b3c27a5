/**
 * The authenticated client, as an {@link Authenticator} established it.
 *
 * @publicApi
 */
export interface Principal {
  /** Stable identity (JWT `sub`). Limits, lookups and revocation go by it. */
  readonly subject: string;
  /** When the proof of identity ends, in milliseconds since the Unix epoch. Infinity: never. */
  readonly expiresAt: number;
  /** Everything else the proof said (JWT claims). */
  readonly claims: Readonly<Record<string, unknown>>;
}
