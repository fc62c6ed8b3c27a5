import type { BackoffOptions } from './backoff.js';
import { callSafely } from './emitter.js';
import { HoldfastError } from './errors.js';
import { type ClientPorts, platform, systemPorts, type WebSocketConstructor } from './ports.js';
import type { RoomsModule } from './rooms-port.js';
import type { TokenProvider } from './token.js';

/**
 * Limits of what is queued while there is no connection.
 *
 * @publicApi
 */
export interface OutboxOptions {
  /** Most messages and requests that are queued. Default 256. 0: nothing is queued. */
  maxMessages: number;
  /** Most bytes that are queued in the outbox or, while there is a connection, in its socket. Default 1,048,576. */
  maxBytes: number;
  /** Above a limit: `refuse` the new message (the caller gets an error), or `drop-oldest`. Default `refuse`. */
  overflow: 'refuse' | 'drop-oldest';
}

/**
 * Options of `createClient`. Each has a default; a name that is not listed here throws `BAD_OPTION`.
 *
 * @publicApi
 */
export interface ClientOptions {
  /** The token, or a function that gets one for each attempt and each refresh. Default: none. */
  token?: string | TokenProvider;
  /**
   * Milliseconds until an attempt fails that has no `$welcome`, counted from the call of the token provider. Default
   * 10,000. Infinity: no limit.
   */
  connectTimeoutMs?: number;
  /**
   * Milliseconds until a request fails that has no answer, or no first value of a stream. Default 10,000. Infinity: no
   * limit.
   */
  requestTimeoutMs?: number;
  backoff?: Partial<BackoffOptions>;
  outbox?: Partial<OutboxOptions>;
  /** Whether to reconnect after a close code of the application: 3000 to 4399 and 4600 to 4999. Default: no. */
  comesBack?: (code: number, reason: string) => boolean;
  /** The WebSocket class. Default: the platform's own. Node 20 has none: pass the `WebSocket` of `ws`. */
  WebSocket?: WebSocketConstructor;
  /** Gives the client `room(name)`: `rooms()` of `@holdfast/client/rooms`. Default: none. */
  rooms?: RoomsModule;
  /** For tests: clock, randomness, and network and page state. */
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
  readonly rooms: RoomsModule | undefined;
  readonly ports: Readonly<ClientPorts>;
}

const webSocketRule = 'given where the platform has none: install ws and pass its WebSocket';

/** @throws {@link HoldfastError} `BAD_OPTION`, naming what is wrong and what is allowed. */
export function resolveOptions(url: string | URL, options: ClientOptions): Settings {
  const { token, comesBack = () => false, backoff, outbox, WebSocket, rooms, ports, ...timeouts } = options;
  const backoffDefaults = { firstMs: 1_000, maxMs: 30_000, maxAttempts: 100, stableMs: 10_000 };
  const { overflow = 'refuse', ...limits } = outbox ?? {};
  if (!['refuse', 'drop-oldest'].includes(overflow)) refuse('overflow', "'refuse' or 'drop-oldest'");
  return {
    ...amounts({ connectTimeoutMs: 10_000, requestTimeoutMs: 10_000 }, timeouts),
    url: resolveUrl(url),
    token: typeof token === 'string' ? () => token : token,
    canRenewToken: typeof token === 'function',
    backoff: amounts(backoffDefaults, backoff),
    outbox: { ...amounts({ maxMessages: 256, maxBytes: 1_048_576 }, limits), overflow },
    comesBack: (code, reason) => callSafely(() => comesBack(code, reason)) === true,
    WebSocket: WebSocket ?? platform.WebSocket ?? refuse('WebSocket', webSocketRule),
    rooms,
    ports: { ...systemPorts, ...ports },
  };
}

/** @throws {@link HoldfastError} `BAD_OPTION`, unless `value` is a number, 0 or more. */
export function amount(name: string, value: number): number {
  return typeof value === 'number' && value >= 0 ? value : refuse(name, 'a number, 0 or more');
}

function amounts<T extends { [Name in keyof T]: number }>(defaults: T, given: Partial<T> = {}): T {
  const complete = { ...defaults };
  // Safe: other names are refused.
  for (const name of Object.keys({ ...defaults, ...given }) as (keyof T & string)[]) {
    if (!Object.hasOwn(defaults, name)) noOption(name);
    complete[name] = amount(name, given[name] ?? defaults[name]) as T[keyof T & string];
  }
  return complete;
}

/** JavaScript says nothing of a name that is misspelt, and the default would hold. */
export function noOption(name: string | undefined): void {
  if (name !== undefined) throw new HoldfastError('BAD_OPTION', `${name} is not an option`);
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
