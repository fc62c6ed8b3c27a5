import { type BackoffOptions } from './backoff.js';
import { callSafely } from './emitter.js';
import { HoldfastError } from './errors.js';
import { type ClientPorts, systemPorts, type WebSocketConstructor } from './ports.js';

/**
 * Gives the token for an attempt or a refresh. Called anew each time; `undefined` means: without one. What it throws
 * counts as an attempt in vain.
 *
 * @publicApi
 */
export type TokenProvider = () => string | undefined | Promise<string | undefined>;

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
  /** Milliseconds from the token to the welcome, after which an attempt is given up. Default 10,000. Infinity: never. */
  connectTimeoutMs?: number;
  /** Milliseconds a request waits for its answer, or for the first value of a stream. Default 10,000. Infinity: for ever. */
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

/** @throws {@link HoldfastError} `BAD_OPTION`, naming what is wrong and what is allowed. */
export function resolveOptions(url: string | URL, options: ClientOptions): Settings {
  const { token, connectTimeoutMs = 10_000, requestTimeoutMs = 10_000, comesBack = () => false } = options;
  const backoff = { firstMs: 1_000, maxMs: 30_000, maxAttempts: 100, stableMs: 10_000, ...options.backoff };
  const outbox = { maxMessages: 256, maxBytes: 1_048_576, overflow: 'refuse' as const, ...options.outbox };
  const { overflow, ...outboxLimits } = outbox;
  for (const [name, value] of Object.entries({ connectTimeoutMs, requestTimeoutMs, ...backoff, ...outboxLimits })) {
    if (!(value >= 0)) refuse(name, 'a number, 0 or more');
  }
  if (!['refuse', 'drop-oldest'].includes(overflow)) refuse('overflow', "'refuse' or 'drop-oldest'");
  return {
    url: resolveUrl(url),
    token: typeof token === 'string' ? () => token : token,
    canRenewToken: typeof token === 'function',
    connectTimeoutMs,
    requestTimeoutMs,
    backoff,
    outbox,
    comesBack: (code, reason) => {
      let verdict = false;
      callSafely(() => {
        verdict = comesBack(code, reason);
      });
      return verdict;
    },
    WebSocket: options.WebSocket ?? platformWebSocket(),
    ports: { ...systemPorts, ...options.ports },
  };
}

function resolveUrl(url: string | URL): string {
  const page = globalThis.location as Location | undefined;
  let resolved: URL;
  try {
    resolved = new URL(url, page?.href);
  } catch {
    return refuse('url', page ? 'a URL or a path' : 'a complete URL such as wss://example.com/chat');
  }
  // What pages know are the addresses of pages.
  resolved.protocol = resolved.protocol.replace(/^http/, 'ws');
  if (!/^wss?:$/.test(resolved.protocol)) refuse('url', 'of the scheme ws, wss, http or https');
  resolved.hash = '';
  return resolved.href;
}

function platformWebSocket(): WebSocketConstructor {
  const { WebSocket } = globalThis as { WebSocket?: WebSocketConstructor };
  return WebSocket ?? refuse('WebSocket', 'given where the platform has none: install ws and pass its WebSocket');
}

function refuse(option: string, rule: string): never {
  throw new HoldfastError('BAD_OPTION', `${option} must be ${rule}`);
}
