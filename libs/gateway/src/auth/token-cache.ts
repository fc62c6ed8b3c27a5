import { hash } from 'node:crypto';
import { type Clock } from '../ports/clock.js';
import { type Principal } from './principal.js';

interface Entry {
  readonly principal: Principal;
  /** Monotonic time from which on the entry is not believed. */
  readonly staleAt: number;
}

/**
 * Remembers which tokens were verified, so that a fleet that reconnects costs one hash per client instead of one
 * signature check. Least recently used entries make room for new ones. Failures are not remembered: a cache of them
 * could be filled by strangers.
 */
export class TokenCache {
  // A Map iterates in insertion order, so re-inserting on use keeps the least recently used entry first.
  private readonly entries = new Map<string, Entry>();
  private readonly inFlight = new Map<string, Promise<Principal>>();

  /**
   * @param capacity Most tokens remembered; 0 remembers none, and only verifications under way are shared.
   * @param maxAgeMs How long an entry is believed at most; Infinity: until the token expires.
   */
  constructor(
    private readonly capacity: number,
    private readonly maxAgeMs: number,
    private readonly clock: Clock,
  ) {}

  /** Tokens remembered now. */
  get size(): number {
    return this.entries.size;
  }

  /** The principal of a token: at once where it is known, else by `verify` unless that is at work on it already. */
  resolve(token: string, verify: () => Promise<Principal>): Principal | Promise<Principal> {
    // A heap dump must not hand out credentials, and a digest is smaller than the token.
    const key = hash('sha256', token, 'base64');
    const known = this.recall(key);
    if (known !== undefined) return known;
    const underWay = this.inFlight.get(key);
    if (underWay !== undefined) return underWay;
    const verification = this.verifyAndRemember(key, verify).finally(() => this.inFlight.delete(key));
    this.inFlight.set(key, verification);
    return verification;
  }

  private async verifyAndRemember(key: string, verify: () => Promise<Principal>): Promise<Principal> {
    const startedAt = this.clock.now();
    const principal = await verify();
    this.remember(key, { principal, staleAt: startedAt + this.maxAgeMs });
    return principal;
  }

  private recall(key: string): Principal | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    this.entries.delete(key);
    if (this.clock.wallNow() >= entry.principal.expiresAt || this.clock.now() >= entry.staleAt) return undefined;
    this.entries.set(key, entry);
    return entry.principal;
  }

  private remember(key: string, entry: Entry): void {
    if (this.capacity === 0) return;
    if (this.entries.size >= this.capacity) {
      const [leastRecentlyUsed] = this.entries.keys();
      if (leastRecentlyUsed !== undefined) this.entries.delete(leastRecentlyUsed);
    }
    this.entries.set(key, entry);
  }
}
