import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { addressKey, type Lease } from '../connection/index.js';
import type { LimitRule, MemoryLimiter } from '../rate-limit/index.js';
import type { AddressResolver, ClientAddress } from './client-address.js';
import type { ConnectionLimits } from './connection-limits.js';
import { checkUpgradeRequest, negotiateSubprotocol, type Negotiated, type Spoken } from './handshake-check.js';
import type { OriginPolicy } from './origin-policy.js';
import { isRefusal, type Refusal, refusals } from './refusal.js';

export interface UpgradeCheckParts {
  readonly originPolicy: OriginPolicy;
  /** What that policy allows, in words. */
  readonly originsAllowed: string;
  readonly resolveAddress: AddressResolver;
  readonly limits: ConnectionLimits;
  readonly limiter: MemoryLimiter;
  /** Of upgrade requests, for each key of addresses. */
  readonly handshakeRate: Pick<LimitRule, 'limit' | 'windowMs'>;
}

/** What the checks have found out about a request that has passed them. */
export interface Passed {
  readonly negotiated: Negotiated;
  readonly address: ClientAddress;
  /** The caller has to release it. */
  readonly lease: Lease;
}

/**
 * The checks of an upgrade request that need nothing but the request: steps 3 to 9 of PROTOCOL.md 2.1, in that order.
 */
export class UpgradeChecks {
  readonly #rule: LimitRule;

  constructor(private readonly parts: UpgradeCheckParts) {
    const { limit, windowMs } = parts.handshakeRate;
    this.#rule = { limit, windowMs, algorithm: 'sliding-window' };
  }

  pass(request: IncomingMessage, spoken: Spoken): Passed | Refusal {
    const { headers } = request;
    const malformed = checkUpgradeRequest(request);
    if (malformed) return malformed;
    const negotiated = negotiateSubprotocol(headers['sec-websocket-protocol'], spoken);
    if (isRefusal(negotiated)) return negotiated;
    const address = this.#addressOf(request);
    if (!this.parts.originPolicy(headers.origin, address.host, address.secure)) {
      return refusals.originForbidden(this.parts.originsAllowed);
    }
    const key = addressKey(address.ip);
    const lease = this.parts.limits.admit(key);
    if (isRefusal(lease)) return lease;
    const verdict = this.parts.limiter.consume(key, this.#rule);
    if (verdict.allowed) return { negotiated, address, lease };
    lease.release();
    return refusals.handshakeRateLimited(verdict.retryAfterMs);
  }

  #addressOf({ socket, headers }: IncomingMessage): ClientAddress {
    const { encrypted = false } = socket as Partial<TLSSocket>; // Plain sockets have no such field.
    return this.parts.resolveAddress(socket.remoteAddress, headers, encrypted);
  }
}
