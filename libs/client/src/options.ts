import type { BackoffOptions } from './backoff.js';
import { callSafely } from './emitter.js';
import { HoldfastError } from './errors.js';
import { type ClientPorts, platform, systemPorts, type WebSocketConstructor } from './ports.js';
import type { TokenProvider } from './token.js';

/**
 * What is kept while there is no connection.
 *
 * @publicApi
 */
export interface OutboxOptions {
  /** Messages and requests kept at most. Default 256. 0: nothing is kept. */
  maxMessages: number;
  /** Bytes that wait at most: in the outbox, and while there is a connection, in its socket. Default 1,048,576. */
  maxBytes: number;
  /** Above a limit: `refuse` the new one, or `drop-oldest`. Default `refuse`: who is told can do something about it. */
  overflow: 'refuse' | 'drop-oldest';
}

/**
 * Options of `createClient`; each has a default.
 *
 * @publicApi
 */
export interface ClientOptions {
  /** Sent with each attempt's `$hello` and when the server asks for a fresh one. Default: none. */
  token?: string | TokenProvider;
  /**
   * Milliseconds for the token, the socket and the welcome together, after which an attempt is given up. Default
   * 10,000. Infinity: never.
   */
  connectTimeoutMs?: number;
  /**
   * Milliseconds a request waits for its answer, or for the first value of a stream. Default 10,000. Infinity: for
   * ever.
   */
  requestTimeoutMs?: number;
  backoff?: Partial<BackoffOptions>;
  outbox?: Partial<OutboxOptions>;
  /** Whether to come back after a close code of the application: 3000 to 4399 and 4600 to 4999. Default: no. */
  comesBack?: (code: number, reason: string) => boolean;
  /** Default: the platform's own. Node 20 has none: install `ws` and give its `WebSocket`. */
  WebSocket?: WebSocketConstructor;
  /** For tests: time, randomness and surroundings. */
  ports?: Partial<ClientPorts>;
}

/** Complete and checked. */
export interface Settings {
  readonly url: string;
  readonly token: TokenProvider | undefined;
  /** Whether the provider may have another token when one was refused. */
  readonly canRenewToken: boolean;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly backoff: Readonly<BackoffOptions>;
  readonly outbox: Readonly<OutboxOptions>;
  readonly comesBack: (code: number, reason: string) => boolean;
  readonly WebSocket: WebSocketConstructor;
  readonly ports: Readonly<ClientPorts>;
}

const webSocketRule = 'given where the platform has none: install ws and pass its WebSocket';

/** @throws {@link HoldfastError} `BAD_OPTION`, naming what is wrong and what is allowed. */
export function resolveOptions(url: string | URL, options: ClientOptions): Settings {
  const { token, comesBack = () => false } = options;
  const backoff = { firstMs: 1_000, maxMs: 30_000, maxAttempts: 100, stableMs: 10_000 };
  const { overflow = 'refuse', ...limits } = options.outbox ?? {};
  if (!['refuse', 'drop-oldest'].includes(overflow)) refuse('overflow', "'refuse' or 'drop-oldest'");
  return {
    ...amounts({ connectTimeoutMs: 10_000, requestTimeoutMs: 10_000 }, options),
    url: resolveUrl(url),
    token: typeof token === 'string' ? () => token : token,
    canRenewToken: typeof token === 'function',
    backoff: amounts(backoff, options.backoff),
    outbox: { ...amounts({ maxMessages: 256, maxBytes: 1_048_576 }, limits), overflow },
    comesBack: (code, reason) => callSafely(() => comesBack(code, reason)) === true,
    WebSocket: options.WebSocket ?? platform.WebSocket ?? refuse('WebSocket', webSocketRule),
    ports: { ...systemPorts, ...options.ports },
  };
}

/** @throws {@link HoldfastError} `BAD_OPTION`, unless `value` is a number, 0 or more. */
export function amount(name: string, value: number): number {
  return typeof value === 'number' && value >= 0 ? value : refuse(name, 'a number, 0 or more');
}

function amounts<T extends { [Name in keyof T]: number }>(defaults: T, given: Partial<T> = {}): T {
  const complete = { ...defaults };
  // Safe: these are its names.
  for (const name of Object.keys(defaults) as (keyof T & string)[]) {
    complete[name] = amount(name, given[name] ?? defaults[name]) as T[keyof T & string];
  }
  return complete;
}

function resolveUrl(url: string | URL): string {
  const page = globalThis.location as Location | undefined;
  try {
    const { href } = new URL(url, page?.href);
    // What pages know are the addresses of pages.
    const address = href.replace(/^http/, 'ws').replace(/#.*/, '');
    if (/^wss?:/.test(address)) return address;
  } catch {
    // Not even an address.
  }
  return refuse('url', 'an address of the scheme ws, wss, http or https; on a page, a path will do');
}

function refuse(option: string, rule: string): never {
  throw new HoldfastError('BAD_OPTION', `${option} must be ${rule}`);
}
