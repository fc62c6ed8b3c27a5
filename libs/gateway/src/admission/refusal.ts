import { type ErrorCode, errorCodes } from '@holdfast/protocol';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RefusedSockets } from './refused-sockets.js';

/**
 * Why an upgrade is not granted, as an HTTP answer.
 *
 * @publicApi
 */
export interface Refusal {
  /** Code of the protocol's catalogue, or the application's own when one of its guards refused with it. */
  readonly code: string;
  /** HTTP status, 400 to 599; anything else is sent as 500. */
  readonly status: number;
  /** Text for humans. Anybody may read it: it must not tell internals. */
  readonly message: string;
  /** Milliseconds after which another attempt makes sense; undefined: the client's own backoff decides. */
  readonly retryAfterMs?: number;
  /** Further headers. Those that frame the answer cannot be replaced. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For the log in place of the message; the peer is not told. */
  readonly hint?: string;
}

const catalogue = new Map(errorCodes.map((entry) => [entry.code, entry]));

/**
 * Refusals of the admission itself, one per code. Status and, unless given, text are those of the protocol's catalogue.
 */
export const refusals = {
  /** The application has not booted. */
  notReady: (retryAfterMs: number) => refusal('NOT_READY', { retryAfterMs }),
  /** The application is going away. */
  draining: (retryAfterMs: number) => refusal('DRAINING', { retryAfterMs }),
  pathNotFound: () => refusal('PATH_NOT_FOUND'),
  upgradeRequired: () => refusal('UPGRADE_REQUIRED'),
  badHandshake: (message: string) => refusal('BAD_HANDSHAKE', { message }),
  subprotocolUnsupported: (supported: readonly string[]) =>
    refusal('SUBPROTOCOL_UNSUPPORTED', {
      message: `No subprotocol that is spoken here; offer ${supported.join(' or ')}.`,
    }),
  /** @param allowed - what the options allow, for the log. */
  originForbidden: (allowed: string) => refusal('ORIGIN_FORBIDDEN', { hint: `allowed: ${allowed}` }),
  tooManyConnections: () => refusal('TOO_MANY_CONNECTIONS'),
  tooManyConnectionsPerIp: () => refusal('TOO_MANY_CONNECTIONS_PER_IP'),
  tooManyConnectionsPerPrincipal: () => refusal('TOO_MANY_CONNECTIONS_PER_PRINCIPAL'),
  handshakeRateLimited: (retryAfterMs: number) => refusal('HANDSHAKE_RATE_LIMITED', { retryAfterMs }),
  overloaded: (retryAfterMs: number) => refusal('OVERLOADED', { retryAfterMs }),
  handshakeTimeout: (retryAfterMs: number) => refusal('HANDSHAKE_TIMEOUT', { retryAfterMs }),
  unauthorized: (message?: string) => refusal('UNAUTHORIZED', { message }),
  tokenExpired: () => refusal('TOKEN_EXPIRED'),
  forbidden: (message?: string) => refusal('FORBIDDEN', { message }),
  internal: () => refusal('INTERNAL'),
};

/**
 * Tells refusals from whatever else was returned or thrown. Errors are none, even if they carry a code and a status.
 */
export function isRefusal(value: unknown): value is Refusal {
  if (typeof value !== 'object' || value === null || value instanceof Error) return false;
  const { code, status, message } = value as Partial<Record<keyof Refusal, unknown>>; // Each field is checked here.
  return typeof code === 'string' && typeof status === 'number' && typeof message === 'string';
}

/**
 * Answers an upgrade request with a refusal and gets rid of the socket: when the peer has closed, or after one second,
 * whatever the peer does. Never throws.
 */
export function writeRefusal(socket: Duplex, refused: Refusal, refusedSockets: RefusedSockets): void {
  // Without a listener, a peer that resets the connection would end the process.
  socket.on('error', ignore);
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(render(refused));
  // The end of the peer is only seen by reading up to it.
  socket.resume();
  refusedSockets.add(socket);
}

function refusal(
  code: ErrorCode,
  { message, ...more }: { message?: string; retryAfterMs?: number; hint?: string } = {},
): Refusal {
  const { httpStatus = 500, cause = '' } = catalogue.get(code) ?? {};
  return { code, status: httpStatus, message: message ?? cause, ...more };
}

function render(refused: Refusal): string {
  const { code, message } = refused;
  const status = STATUS_CODES[refused.status] !== undefined && refused.status >= 400 ? refused.status : 500;
  const retryAfterMs = waitOf(refused);
  const body = JSON.stringify({ error: { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } });
  const headers = new Map([...challenge(status, code), ...extra(refused), ['cache-control', 'no-store']]);
  if (retryAfterMs !== undefined) headers.set('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  headers.set('content-type', 'application/json; charset=utf-8');
  headers.set('content-length', String(Buffer.byteLength(body)));
  headers.set('connection', status === 426 ? 'close, Upgrade' : 'close');
  headers.delete('transfer-encoding');
  const lines = [...headers].map(([name, value]) => `${canonicalName(name)}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

/** Infinity, by which a limiter says never, is no time to wait. */
function waitOf({ retryAfterMs }: Refusal): number | undefined {
  return retryAfterMs !== undefined && Number.isFinite(retryAfterMs) ? Math.max(0, Math.ceil(retryAfterMs)) : undefined;
}

/** What RFC 9110 section 15.5 demands beside the status. */
function challenge(status: number, code: string): [string, string][] {
  if (status === 401) {
    // RFC 6750 section 3.1: the error is only named to clients that did present a token.
    return [
      ['www-authenticate', `Bearer realm="holdfast"${code === 'TOKEN_EXPIRED' ? ', error="invalid_token"' : ''}`],
    ];
  }
  if (status !== 426) return [];
  return [
    ['upgrade', 'websocket'],
    ['sec-websocket-version', '13'],
  ];
}

function extra({ headers = {} }: Refusal): [string, string][] {
  return Object.entries(headers)
    .filter(([name]) => /^[\w!#$%&'*+.^`|~-]+$/.test(name))
    .map(([name, value]) => [name.toLowerCase(), clean(value)]);
}

/** A line break in a value would begin a header, or a body, of the sender's choice. */
function clean(value: string): string {
  return value.replace(/[^\t\x20-\x7e]+/g, ' ').trim();
}

function canonicalName(name: string): string {
  if (name.startsWith('sec-websocket-')) return `Sec-WebSocket-${canonicalName(name.slice('sec-websocket-'.length))}`;
  return name === 'www-authenticate'
    ? 'WWW-Authenticate'
    : name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

function ignore(): void {
  // The socket closes by itself after an error, which is all there is to do.
}
