import { hash } from 'node:crypto';
import type { Clock } from '../ground/index.js';
import type { Principal } from '../connection/index.js';

/** How much is remembered at most. */
export interface TokenCacheLimits {
  /** 0 remembers none, and only verifications under way are shared. */
  readonly tokens: number;
  /** Their length, all together. What is kept of each grows with it. */
  readonly bytes: number;
}

interface Entry {
  readonly principal: Principal;
  /** Length of the token. */
  readonly bytes: number;
  /** Monotonic time from which on the entry is not believed. */
  readonly staleAt: number;
}

/**
 * Remembers which tokens were verified, so that a fleet that reconnects costs one hash per client instead of one
 * signature check. Least recently used entries make room for new ones. Failures are not remembered: a cache of them
 * could be filled by anybody.
 */
export class TokenCache {
  // A Map iterates in insertion order, so re-inserting on use keeps the least recently used entry first.
  readonly #entries = new Map<string, Entry>();
  readonly #inFlight = new Map<string, Promise<Principal>>();
  #held = 0;

  /** @param maxAgeMs - how long an entry is believed at most; Infinity: until the token expires. */
  constructor(
    private readonly limits: TokenCacheLimits,
    private readonly maxAgeMs: number,
    private readonly clock: Clock,
  ) {}

  /** Tokens remembered now. */
  get size(): number {
    return this.#entries.size;
  }

  /** Length of the tokens remembered now. */
  get bytes(): number {
    return this.#held;
  }

  /** The principal of a token: at once where it is known, else by `verify` unless that is at work on it already. */
  resolve(token: string, verify: () => Promise<Principal>): Principal | Promise<Principal> {
    // A heap dump must not hand out credentials, and a digest is smaller than the token.
    const key = hash('sha256', token, 'base64');
    const known = this.#recall(key);
    if (known !== undefined) return known;
    const underWay = this.#inFlight.get(key);
    if (underWay !== undefined) return underWay;
    const verification = this.#verifyAndRemember(key, token.length, verify).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, verification);
    return verification;
  }

  async #verifyAndRemember(key: string, bytes: number, verify: () => Promise<Principal>): Promise<Principal> {
    const startedAt = this.clock.now();
    const principal = await verify();
    this.#remember(key, { principal, bytes, staleAt: startedAt + this.maxAgeMs });
    return principal;
  }

  #recall(key: string): Principal | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#forget(key, entry);
    if (this.clock.wallNow() >= entry.principal.expiresAt || this.clock.now() >= entry.staleAt) return undefined;
    this.#add(key, entry);
    return entry.principal;
  }

  #remember(key: string, entry: Entry): void {
    const { tokens, bytes } = this.limits;
    if (tokens === 0 || entry.bytes > bytes) return;
    for (const [other, leastRecentlyUsed] of this.#entries) {
      if (this.#entries.size < tokens && this.#held + entry.bytes <= bytes) break;
      this.#forget(other, leastRecentlyUsed);
    }
    this.#add(key, entry);
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#held += entry.bytes;
  }

  #forget(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#held -= entry.bytes;
  }
}
