import type { Handshake } from '../connection/index.js';
import type { ResolvedAuthOptions } from './auth-options.js';

/** What to do about a principal that ends, as delays from now in milliseconds. */
export interface ExpiryPlan {
  /** When to ask the client for a fresh token. Absent for plain clients, which cannot be asked. */
  readonly refreshAtMs?: number;
  /** When to close with 4401 unless a fresh token has come. May exceed what one Node timer holds (2^31 - 1 ms). */
  readonly closeAtMs: number;
}

/**
 * Plans the end of a principal. Undefined when it never ends.
 *
 * @param expiresAt - Milliseconds since the Unix epoch, as {@link Principal.expiresAt}.
 * @param wallNow - The same clock, now.
 */
export function planExpiry(
  expiresAt: number,
  mode: Handshake['mode'],
  options: Pick<ResolvedAuthOptions, 'refreshAheadMs' | 'expiryGraceMs'>,
  wallNow: number,
): ExpiryPlan | undefined {
  if (expiresAt === Infinity) return undefined;
  const leftMs = expiresAt - wallNow;
  const closeAtMs = delay(leftMs + options.expiryGraceMs);
  if (mode === 'plain') return { closeAtMs };
  // A token that lives shorter than refreshAheadMs would be asked for the moment it arrives, for ever.
  return { refreshAtMs: delay(Math.max(leftMs - options.refreshAheadMs, leftMs / 2)), closeAtMs };
}

/** Never negative; NaN, from an authenticator that returned no proper time, counts as already expired. */
function delay(ms: number): number {
  return ms > 0 ? ms : 0;
}
