import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { AuthOptions } from '../auth/index.js';
import { max32 } from '../ground/index.js';
import type { OverflowPolicy } from '../outbox/index.js';
import type { OriginsAllowed } from '../admission/index.js';

/** Accepts Infinity, which `@IsInt` refuses: for limits that may be switched off on purpose. */
function IsLimit(minimum: number): PropertyDecorator {
  return ValidateBy({
    name: 'isLimit',
    validator: {
      validate: (value) => value === Infinity || (Number.isInteger(value) && Number(value) >= minimum),
      defaultMessage: () => `$property must be a whole number not less than ${minimum}, or Infinity for no limit`,
    },
  });
}

/** A group of options. Without the second rule a list would pass, and what it holds would be ignored. */
function IsGroup(type: () => new () => object): PropertyDecorator {
  return (target, property) => {
    IsOptional()(target, property);
    IsObject({ message: '$property must be an object of options' })(target, property);
    ValidateNested()(target, property);
    Type(type)(target, property);
  };
}

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

  /** Say in so many words that `origins: '*'` is meant in production. Default false. */
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

/**
 * How connections are found whose peer is gone.
 *
 * @publicApi
 */
export class HeartbeatOptions {
  /**
   * Milliseconds between beats. Default 25,000: the shortest idle limits in the wild are 30 s (home routers), and a
   * beat has to be under them. 0 or Infinity: no heartbeat at all.
   */
  @IsOptional()
  @IsLimit(0)
  intervalMs?: number;

  /**
   * Consecutive beats without a byte from the peer after which it is cut. Default 2: one may be lost to a tunnel or a
   * handover.
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  missedBeats?: number;
}

/**
 * What one peer may send.
 *
 * @publicApi
 */
export class MessageOptions {
  /** Bytes of one message, all fragments together. Default 262,144 (256 KiB). Above it: close 1009. */
  @IsOptional()
  @IsInt()
  @Min(128)
  @Max(max32)
  maxPayloadBytes?: number;

  /**
   * Fragments of one message. Default 1,024 (where the gateway takes messages of more than 512 KiB, one for each 512
   * bytes of the largest). Above it: close 1008.
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(max32)
  maxFragments?: number;

  /**
   * Chunks in which one fragment may arrive; what the socket delivers at once is a chunk. Default 4,096 (where the
   * gateway takes messages of more than 2 MiB, one for each 512 bytes of the largest). Above it: close 1008. Without it
   * a message that arrives byte by byte takes 300 times its size in memory, and time that grows with the square of it.
   */
  @IsOptional()
  @IsInt()
  @Min(128)
  @Max(max32)
  maxBufferedChunks?: number;

  /**
   * Bytes that messages may hold which have not arrived whole, over all connections of this process; what it takes to
   * keep them is included. Default 67,108,864 (64 MiB: room for 256 of the largest messages by default, and for four
   * where a gateway takes messages of more than 16 MiB). Must be at least twice the largest message. Above it the
   * connection that holds most is closed with 1013. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(1_048_576)
  unfinishedBytes?: number;

  /**
   * Messages that may wait for their turn on one connection. Default 256. Above it the socket is not read (TCP
   * backpressure).
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  inboxMessages?: number;

  /**
   * Bytes that may wait for their turn on one connection. Default 1,048,576 (1 MiB). Above it the socket is not read.
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  inboxBytes?: number;

  /**
   * Milliseconds one handler may take. Default 30,000. Then its request is answered `HANDLER_TIMEOUT` and the next
   * message has its turn. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(1)
  handlerTimeoutMs?: number;

  /**
   * Streams (observables still emitting) of one connection. Default 100. Above it: `TOO_MANY_STREAMS`. Infinity: no
   * limit.
   */
  @IsOptional()
  @IsLimit(1)
  maxStreams?: number;

  /**
   * Malformed frames, unknown events and the like that one connection may send. Default 20. Then: close 4400. Infinity:
   * no limit.
   */
  @IsOptional()
  @IsLimit(0)
  maxViolations?: number;

  /** Characters of an event name. Default 128. */
  @IsOptional()
  @IsInt()
  @Min(1)
  maxEventLength?: number;

  /** Characters of a request id. Default 64. */
  @IsOptional()
  @IsInt()
  @Min(1)
  maxIdLength?: number;

  /** Nesting of the data. Default 64. */
  @IsOptional()
  @IsInt()
  @Min(1)
  maxDepth?: number;

  /**
   * Properties of objects and elements of arrays in the data, at every level. Default 4,096: validating as many nested
   * objects takes about 50 ms, and nothing else is handled meanwhile. Above it: `TOO_MANY_MEMBERS`, before anything of
   * the application sees the message. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(1)
  maxMembers?: number;

  /**
   * Bytes one connection may send per second, with twice as many at once after a rest. All that arrives counts: headers
   * of frames, fragments, and frames that never become whole. Default 8,388,608 (8 MiB). Above it the socket is not
   * read for a while, and nothing is lost. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(1024)
  bytesPerSecond?: number;
}

/**
 * What may wait for a client that does not keep up.
 *
 * @publicApi
 */
export class OutboxOptions {
  /** Bytes that wait for one client above which it counts as congested. Default 1,048,576 (1 MiB). */
  @IsOptional()
  @IsInt()
  @Min(1024)
  highWaterBytes?: number;

  /** Bytes at which it does no longer. Default 262,144 (256 KiB). Must be below `highWaterBytes`. */
  @IsOptional()
  @IsInt()
  @Min(0)
  lowWaterBytes?: number;

  /**
   * What becomes of an event for a congested client: `close` it with 4508 (default: it reconnects and starts anew),
   * `refuse` it (`emit` returns false), or `drop` and count it. Answers to requests are never dropped; a client that
   * does not read those is not served any further, and closed at twice `highWaterBytes`.
   */
  @IsOptional()
  @IsIn(['close', 'refuse', 'drop'])
  overflow?: OverflowPolicy;
}

/**
 * How connections begin and end.
 *
 * @publicApi
 */
export class LifecycleOptions {
  /** Milliseconds all `handleConnection` hooks together may take. Default 10,000. Then: close 4505. */
  @IsOptional()
  @IsInt()
  @Min(1)
  connectTimeoutMs?: number;

  /** Milliseconds an SDK client has for its `$hello`. Default 10,000. Then: close 4408. */
  @IsOptional()
  @IsInt()
  @Min(1)
  helloTimeoutMs?: number;

  /** Milliseconds a peer has to answer our close frame before its socket is cut. Default 5,000. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(max32)
  closeTimeoutMs?: number;

  /**
   * Milliseconds over which a shutdown spreads its close frames when there are many connections (a hundred at once),
   * and over which SDK clients are asked to spread their return. Default 5,000. 0: everybody at once.
   */
  @IsOptional()
  @IsInt()
  @Min(0)
  drainWindowMs?: number;

  /**
   * Milliseconds a shutdown may take to close all connections. `onDrain` hooks have a quarter of it at most; after
   * three quarters, connections that are left are cut, handlers in flight or not; the rest is for disconnect hooks, and
   * for handlers that clean up when their `signal` aborts. Default 10,000. 0: everybody is cut at once.
   */
  @IsOptional()
  @IsInt()
  @Min(0)
  drainTimeoutMs?: number;
}

/**
 * Everything there is to set. All of it has a safe default; a wrong value stops the boot and is named.
 *
 * @publicApi
 */
export class HoldfastOptions {
  /** Production refuses what is only convenient. Default: whether NODE_ENV is `production`. */
  @IsOptional()
  @IsBoolean()
  production?: boolean;

  /** How bearer tokens are verified. Without it, and without an `authenticator`, {@link AuthGuard} cannot be used. */
  @IsGroup(() => AuthOptions)
  auth?: AuthOptions;

  @IsGroup(() => AdmissionOptions)
  admission?: AdmissionOptions;

  @IsGroup(() => HeartbeatOptions)
  heartbeat?: HeartbeatOptions;

  @IsGroup(() => MessageOptions)
  messages?: MessageOptions;

  @IsGroup(() => OutboxOptions)
  outbox?: OutboxOptions;

  @IsGroup(() => LifecycleOptions)
  lifecycle?: LifecycleOptions;
}
