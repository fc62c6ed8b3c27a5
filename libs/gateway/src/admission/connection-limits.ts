import type { Lease } from '../connection/index.js';
import { type Refusal, refusals } from './refusal.js';

/** How many connections may be at once. Infinity: no limit. */
export interface ConnectionLimitOptions {
  /** In this process. */
  readonly maxConnections: number;
  /** Of one key of addresses, see `addressKey`. */
  readonly maxConnectionsPerIp: number;
  /** Of one principal, by its subject. */
  readonly maxConnectionsPerPrincipal: number;
}

/** Counts connections in constant time. What is not in use takes no memory. */
export class ConnectionLimits {
  readonly #byIp = new Map<string, number>();
  readonly #byPrincipal = new Map<string, number>();
  #total = 0;

  constructor(private readonly options: ConnectionLimitOptions) {}

  /** What is counted now: connections, distinct addresses, distinct principals. */
  get counts(): { readonly connections: number; readonly ips: number; readonly principals: number } {
    return { connections: this.#total, ips: this.#byIp.size, principals: this.#byPrincipal.size };
  }

  /** Takes a place for a connection from `ipKey`, or says why there is none. */
  admit(ipKey: string): Lease | Refusal {
    const { maxConnections, maxConnectionsPerIp } = this.options;
    if (this.#total >= maxConnections) return refusals.tooManyConnections();
    if (!enter(this.#byIp, ipKey, maxConnectionsPerIp)) return refusals.tooManyConnectionsPerIp();
    this.#total += 1;
    return new Place(this, ipKey);
  }

  /** @internal By a {@link Place}, for another principal than `bound`. @returns whether there is room. */
  bind(subject: string, bound: string | undefined): boolean {
    if (!enter(this.#byPrincipal, subject, this.options.maxConnectionsPerPrincipal)) return false;
    if (bound !== undefined) leave(this.#byPrincipal, bound);
    return true;
  }

  /** @internal By a {@link Place} that is bound. */
  unbind(subject: string): void {
    leave(this.#byPrincipal, subject);
  }

  /** @internal By a {@link Place}, once. */
  vacate(ipKey: string, bound: string | undefined): void {
    this.#total -= 1;
    leave(this.#byIp, ipKey);
    if (bound !== undefined) leave(this.#byPrincipal, bound);
  }
}

/** Every connection has one for life, so it is an object of three fields and not two closures. */
class Place implements Lease {
  #limits: ConnectionLimits | undefined;
  #bound: string | undefined;

  constructor(
    limits: ConnectionLimits,
    private readonly ipKey: string,
  ) {
    this.#limits = limits;
  }

  bindPrincipal(subject: string): boolean {
    if (!this.#limits || subject === this.#bound) return true;
    if (!this.#limits.bind(subject, this.#bound)) return false;
    this.#bound = subject;
    return true;
  }

  leavePrincipal(): void {
    if (this.#bound !== undefined) this.#limits?.unbind(this.#bound);
    this.#bound = undefined;
  }

  release(): void {
    this.#limits?.vacate(this.ipKey, this.#bound);
    this.#limits = undefined;
  }
}

function enter(counts: Map<string, number>, key: string, limit: number): boolean {
  const count = counts.get(key) ?? 0;
  if (count >= limit) return false;
  counts.set(key, count + 1);
  return true;
}

function leave(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 0) - 1;
  // Without this the map would grow with every address that ever came.
  if (left <= 0) counts.delete(key);
  else counts.set(key, left);
}
