import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BEARER_SUBPROTOCOL_PREFIX } from '@holdfast/protocol';
import { redactUrl } from '../auth/index.js';
import type { Handshake } from '../connection/index.js';
import type { ClientAddress } from './client-address.js';
import { copyOf } from '../ground/index.js';
import type { Negotiated } from './handshake-check.js';
import type { PathMatch, Target } from './path-matcher.js';

/** They made the upgrade and say nothing about the client; each would be remembered as long as it is connected. */
const upgradeHeaders: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-version',
]);
const noParams: Readonly<Record<string, string>> = Object.freeze({});
const credentialHeaders: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** What a connection remembers of its upgrade request, without anything that would give its token away in a log. */
export function handshakeFacts(
  request: IncomingMessage,
  target: Target,
  match: PathMatch<unknown>,
  address: ClientAddress,
  negotiated: Negotiated,
  queryParameter: string | undefined,
): Handshake {
  const search = queryParameter === undefined ? target.search : withoutParameter(target.search, queryParameter);
  return Object.freeze(new HandshakeFacts(request, { ...target, search }, match, address, negotiated));
}

/** How much of the request headers a connection keeps, see AdmissionOptions. */
export interface HeaderLimits {
  readonly headerBytes: number;
  readonly keepHeaders: readonly string[];
}

/** Guards and hooks have seen all headers of the handshake; from now on it holds what the limits allow. */
export function forgetHeaders(handshake: Handshake, limits: HeaderLimits): void {
  if (handshake instanceof HandshakeFacts) handshake.settle(limits);
}

/** Kept for as long as the connection lives, so it holds texts of its own and not what can be made of them. */
class HandshakeFacts implements Handshake {
  readonly route: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly ip: string;
  readonly origin: string | undefined;
  readonly secure: boolean;
  readonly subprotocol: string;
  readonly mode: 'plain' | 'sdk';
  readonly #search: string;
  /** All of them, until {@link settle}. */
  #headers: Readonly<IncomingHttpHeaders> | undefined;
  #kept = '[]';

  constructor(
    { headers }: IncomingMessage,
    { path, search }: Target,
    { route, params }: PathMatch<unknown>,
    { ip, secure }: ClientAddress,
    { subprotocol, mode }: Negotiated,
  ) {
    this.route = route;
    this.path = copyOf(path);
    this.params = Object.keys(params).length === 0 ? noParams : Object.freeze(params);
    this.#headers = discreet(headers);
    this.ip = ip;
    this.origin = headers.origin;
    this.secure = secure;
    this.subprotocol = subprotocol;
    this.mode = mode;
    this.#search = copyOf(search);
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#search);
  }

  get headers(): Readonly<IncomingHttpHeaders> {
    // What `keptOf` has written.
    return this.#headers ?? discreet(Object.fromEntries(JSON.parse(this.#kept) as Header[]));
  }

  settle(limits: HeaderLimits): void {
    if (this.#headers) this.#kept = keptOf(this.#headers, limits);
    this.#headers = undefined;
  }
}

type Header = [name: string, value: string | string[] | undefined];

/** One text: an object whose names the client has chosen takes many times as much memory. */
function keptOf(headers: Readonly<IncomingHttpHeaders>, { headerBytes, keepHeaders }: HeaderLimits): string {
  // Also those that are not listed, because they are credentials.
  const all = Object.getOwnPropertyNames(headers).map((name): Header => [name, headers[name]]);
  const text = JSON.stringify(all);
  if (text.length <= headerBytes) return text;
  const kept: Header[] = [];
  let left = headerBytes - '[]'.length;
  for (const name of keepHeaders) {
    const header: Header = [name, headers[name]];
    const length = JSON.stringify(header).length + ','.length;
    if (!Object.hasOwn(headers, name) || length > left) continue;
    kept.push(header);
    left -= length;
  }
  return JSON.stringify(kept);
}

/** By the parser that finds the token, so that no spelling of its name slips past. */
function withoutParameter(search: string, name: string): string {
  const pairs = search.split('&');
  return pairs.filter((pair) => !new URLSearchParams(pair).has(name)).join('&');
}

/** The hooks of the application are given the request itself, and a token in its URL ends in their logs. */
export function redactRequest(request: IncomingMessage, queryParameter: string | undefined): void {
  if (request.url !== undefined) request.url = redactUrl(request.url, queryParameter);
}

/**
 * Credentials can be read by name, for guards of one's own, but are not listed: who logs or copies all headers has
 * none.
 */
function discreet(headers: IncomingHttpHeaders): Readonly<IncomingHttpHeaders> {
  const copy: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (upgradeHeaders.has(name)) continue;
    if (isCredential(name, value)) Object.defineProperty(copy, name, { value, enumerable: false });
    else copy[name] = value;
  }
  return Object.freeze(copy);
}

function isCredential(name: string, value: string | string[] | undefined): boolean {
  if (name === 'sec-websocket-protocol') return String(value).includes(BEARER_SUBPROTOCOL_PREFIX);
  return credentialHeaders.has(name);
}
