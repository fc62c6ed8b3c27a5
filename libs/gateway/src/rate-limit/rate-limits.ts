import { Inject, Injectable } from '@nestjs/common';
import { CloseCode } from '@holdfast/protocol';
import { addressKey, type Connection } from '../connection/index.js';
import { BoundedLog } from '../ground/index.js';
import { Counters } from '../telemetry/index.js';
import type { BoundRateLimit } from './bound-rate-limit.js';
import { isCost, type Limiter, type LimitVerdict } from '@holdfast/backplane';
import { HoldfastException, RateLimitException } from '../errors/index.js';

/**
 * Injects the {@link Limiter} that limits of messages go by. Another one is given to HoldfastModule as `limiter`.
 * Default: that of the engine, which counts for all nodes together, or a {@link MemoryLimiter} where the engine has
 * none. By default limits of single connections are counted in this process in any case: each belongs to one node.
 *
 * @publicApi
 */
export const HOLDFAST_LIMITER = Symbol('HOLDFAST_LIMITER');

/** Injects the {@link Limiter} of limits that each connection has for itself. */
export const CONNECTION_LIMITER = Symbol('CONNECTION_LIMITER');

/** What one message would take of one limit. */
interface Use {
  readonly connection: Connection;
  readonly limit: BoundRateLimit;
  readonly key: string;
  readonly units: number;
}

const unchecked: LimitVerdict = { allowed: true, remaining: Infinity, retryAfterMs: 0 };

/**
 * Decides whether a message may be handled now. The dispatcher and {@link RateLimitInterceptor} both ask here.
 *
 * While the limiter cannot be asked, messages pass, unless their rule says otherwise: what protects the service must
 * not be what takes it down. They are counted, and the log says why.
 */
@Injectable()
export class RateLimits {
  readonly #log = new BoundedLog('Holdfast');

  constructor(
    @Inject(HOLDFAST_LIMITER) private readonly limiter: Limiter,
    @Inject(CONNECTION_LIMITER) private readonly ofConnections: Limiter,
    private readonly counters: Counters,
  ) {}

  /**
   * A message passes when all its limits let it, and only then counts for any of them.
   *
   * @returns a promise where the limiter is not in this process.
   * @throws RateLimitException now, or by that promise, HoldfastException `UNAVAILABLE` where a rule says so; and what
   *   a `cost` or `per` function of the application throws.
   */
  check(connection: Connection, data: unknown, limits: readonly BoundRateLimit[]): Promise<void> | undefined {
    const [only] = limits;
    if (!only) return undefined;
    if (limits.length > 1) return this.#checkAll(limits.map((limit) => useOf(connection, data, limit)));
    const use = useOf(connection, data, only);
    const verdict = this.#ask(use, use.units);
    if (verdict instanceof Promise) return verdict.then((later) => judge([use], [later]));
    judge([use], [verdict]);
    return undefined;
  }

  /** Limiters do not take back what they have counted, so all are asked before any is used. */
  #checkAll(uses: readonly Use[]): Promise<void> | undefined {
    const room = together(uses.map((use) => this.#ask(use, 0)));
    if (room instanceof Promise) return room.then((later) => this.#useAll(uses, later));
    return this.#useAll(uses, room);
  }

  #useAll(uses: readonly Use[], room: readonly LimitVerdict[]): Promise<void> | undefined {
    const short = uses.filter(({ units }, index) => (room[index]?.remaining ?? 0) < units);
    // Those that will refuse count nothing, and say for how long.
    const used = short.length > 0 ? short : uses;
    const verdicts = together(used.map((use) => this.#ask(use, use.units)));
    if (verdicts instanceof Promise) return verdicts.then((later) => judge(used, later));
    judge(used, verdicts);
    return undefined;
  }

  #ask({ limit, key }: Use, units: number): LimitVerdict | Promise<LimitVerdict> {
    const { per = 'connection' } = limit.options;
    const limiter = per === 'connection' ? this.ofConnections : this.limiter;
    try {
      const verdict = limiter.consume(key, limit.rule, units);
      return verdict instanceof Promise ? verdict.catch((error: unknown) => this.#failed(limit, error)) : verdict;
    } catch (error) {
      return this.#failed(limit, error);
    }
  }

  /** @throws HoldfastException `UNAVAILABLE` */
  #failed({ place, options }: BoundRateLimit, error: unknown): LimitVerdict {
    if (options.onFailure === 'refuse') {
      this.#log.error('limiter:refuse', 'The limiter cannot be asked, and messages are refused', error);
      throw new HoldfastException('UNAVAILABLE', 'The rate limit cannot be checked at the moment');
    }
    this.counters.add('unchecked', place);
    this.#log.error('limiter', 'The limiter cannot be asked, and messages pass without a limit', error);
    return unchecked;
  }
}

function useOf(connection: Connection, data: unknown, limit: BoundRateLimit): Use {
  const { options, place } = limit;
  const { cost = 1 } = options;
  const units = typeof cost === 'function' ? cost(data) : cost;
  // Ours to refuse, so that whatever the limiter throws is a failure of the limiter.
  if (!isCost(units)) throw new RangeError(`The cost of a message to ${place} must be a whole number, not ${units}`);
  return { connection, limit, key: keyOf(connection, limit), units };
}

function keyOf(connection: Connection, { name, options, keys }: BoundRateLimit): string {
  const { per = 'connection' } = options;
  if (typeof per === 'function') return `${name}|f:${per(connection)}`;
  if (per === 'principal' && connection.principal) return `${name}|p:${connection.principal.subject}`;
  let key = keys.get(connection);
  if (key === undefined) {
    key = per === 'ip' ? `${name}|i:${addressKey(connection.handshake.ip)}` : `${name}|c:${connection.id}`;
    keys.set(connection, key);
  }
  return key;
}

/** @throws RateLimitException with the longest wait of those that refuse. */
function judge(uses: readonly Use[], verdicts: readonly LimitVerdict[]): void {
  let retryAfterMs: number | undefined;
  for (const [index, { limit, connection }] of uses.entries()) {
    const verdict = verdicts[index];
    if (!verdict) continue;
    if (verdict.allowed) {
      limit.refusals?.delete(connection);
    } else {
      retryAfterMs = Math.max(retryAfterMs ?? 0, verdict.retryAfterMs);
      blame(connection, limit);
    }
  }
  if (retryAfterMs !== undefined) throw new RateLimitException(retryAfterMs);
}

function blame(connection: Connection, { refusals, options }: BoundRateLimit): void {
  if (!refusals) return;
  const inRow = (refusals.get(connection) ?? 0) + 1;
  refusals.set(connection, inRow);
  if (inRow >= (options.closeAfter ?? Infinity)) {
    connection.close(CloseCode.RATE_LIMIT_ABUSE, 'too many messages, again and again');
  }
}

function together(
  verdicts: readonly (LimitVerdict | Promise<LimitVerdict>)[],
): readonly LimitVerdict[] | Promise<readonly LimitVerdict[]> {
  return verdicts.every(isHere) ? verdicts : Promise.all(verdicts.map((verdict) => Promise.resolve(verdict)));
}

function isHere(verdict: LimitVerdict | Promise<LimitVerdict>): verdict is LimitVerdict {
  return !(verdict instanceof Promise);
}
