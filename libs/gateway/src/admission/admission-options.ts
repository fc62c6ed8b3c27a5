import { IsArray, IsBoolean, IsInt, IsOptional, Matches, Min } from 'class-validator';
import { IsGroup, IsLimit } from '../ground/index.js';
import type { OriginsAllowed } from './origin-policy.js';

/**
 * How often something may happen in a span of time.
 *
 * @publicApi
 */
export class RateOptions {
  /** How many in one window. Infinity: no limit. */
  @IsLimit(1)
  limit: number;

  /** Length of the window in milliseconds. */
  @IsInt()
  @Min(1)
  windowMs: number;
}

/**
 * Who may connect, and how many.
 *
 * @publicApi
 */
export class AdmissionOptions {
  /**
   * Web origins that may open a socket: `'same-origin'`, a list of origins (`'https://example.com'`,
   * `'https://*.example.com'`) and regular expressions for whole origins, or `'*'` for every page of the web, which
   * production refuses unless {@link allowAnyOriginInProduction} is set. Default `'same-origin'`: browsers do not apply
   * CORS to WebSockets, so without this check any page could use its visitor's cookies here.
   */
  @IsOptional()
  origins?: OriginsAllowed;

  /** Admit requests without an `Origin` header. Default true: only browsers send it, and browsers always do. */
  @IsOptional()
  @IsBoolean()
  allowMissingOrigin?: boolean;

  /** Allows `origins: '*'` in production. Default false. */
  @IsOptional()
  @IsBoolean()
  allowAnyOriginInProduction?: boolean;

  /**
   * Proxies whose `X-Forwarded-*` and `Forwarded` headers are believed: addresses, CIDR blocks, `'loopback'`,
   * `'linklocal'`, `'private'`, or how many proxies stand in front. Default none: headers are ignored.
   */
  @IsOptional()
  trustedProxies?: number | readonly string[];

  /** Connections of this process. Default 50,000. Infinity: no limit. Above it: 503 `TOO_MANY_CONNECTIONS`. */
  @IsOptional()
  @IsLimit(1)
  maxConnections?: number;

  /**
   * Connections of one address (IPv6: one /64). Default 200: offices share an address. Infinity: no limit. Above it:
   * 429.
   */
  @IsOptional()
  @IsLimit(1)
  maxConnectionsPerIp?: number;

  /**
   * Connections of one principal. Default 50: devices times tabs. Infinity: no limit. Above it: 429, for SDK clients
   * close 4429.
   */
  @IsOptional()
  @IsLimit(1)
  maxConnectionsPerPrincipal?: number;

  /** Handshakes of one address. Default 100 in 10,000 ms. Above it: 429 `HANDSHAKE_RATE_LIMITED` with Retry-After. */
  @IsGroup(() => RateOptions)
  handshakeRate?: RateOptions;

  /**
   * Milliseconds that a handshake may wait for its turn when more clients connect at once than this process can take.
   * They wait so that connected clients are still served meanwhile. Default 5,000. A handshake that would wait longer,
   * by the measured rate of handshakes: 503 `OVERLOADED` with Retry-After. 0: none waits. Infinity: no limit but
   * {@link handshakeTimeoutMs}.
   */
  @IsOptional()
  @IsLimit(0)
  maxHandshakeWaitMs?: number;

  /**
   * Milliseconds from the first byte to the decision, guards included. Default 10,000. A peer that has not sent its
   * request by then is cut; guards that have not decided by then mean 503 `HANDSHAKE_TIMEOUT`.
   */
  @IsOptional()
  @IsInt()
  @Min(100)
  handshakeTimeoutMs?: number;

  /**
   * Bytes of request headers that a connection keeps in `handshake.headers` when its handshake is over, as the JSON of
   * their names and values. Default 4_096: those of a browser are below 2 KB. Guards and hooks, connection hooks
   * included, see all headers; where there are more than this, only those named in {@link keepHeaders} are kept, as far
   * as they fit. 0: none. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(0)
  headerBytes?: number;

  /**
   * Headers that are kept of a handshake with more than {@link headerBytes} of them, the most important first. Default
   * `['host', 'user-agent', 'accept-language', 'x-request-id', 'x-correlation-id', 'x-forwarded-for', 'forwarded']`.
   */
  @IsOptional()
  @IsArray({ message: '$property must be a list of header names' })
  @Matches(/^[\w!#$%&'*+.^`|~-]+$/, { each: true, message: '$property must be a list of header names' })
  keepHeaders?: readonly string[];

  /** Gateways answer below the application's global prefix, as controllers do. Default true. */
  @IsOptional()
  @IsBoolean()
  useGlobalPrefix?: boolean;
}
