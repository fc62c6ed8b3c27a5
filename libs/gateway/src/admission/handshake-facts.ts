import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BEARER_SUBPROTOCOL_PREFIX } from '@holdfast/protocol';
import { redactUrl } from '../auth/token-sources.js';
import type { Handshake } from '../connection/handshake.js';
import type { ClientAddress } from './client-address.js';
import type { Negotiated } from './handshake-check.js';
import type { PathMatch, Target } from './path-matcher.js';

/** They made the upgrade and say nothing about the client; each would be remembered as long as it is connected. */
const UPGRADE_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-version',
]);
const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});
const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** What a connection remembers of its upgrade request, without anything that would give its token away in a log. */
export function handshakeFacts(
  request: IncomingMessage,
  target: Target,
  match: PathMatch<unknown>,
  address: ClientAddress,
  negotiated: Negotiated,
  queryParameter: string | undefined,
): Handshake {
  if (queryParameter !== undefined) target.query.delete(queryParameter);
  return Object.freeze(new HandshakeFacts(request, target, match, address, negotiated));
}

/** Kept for as long as the connection lives, so it holds strings and not what can be made of them. */
class HandshakeFacts implements Handshake {
  readonly route: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly ip: string;
  readonly origin: string | undefined;
  readonly secure: boolean;
  readonly subprotocol: string;
  readonly mode: 'plain' | 'sdk';
  readonly #query: string;

  constructor(
    { headers }: IncomingMessage,
    { path, query }: Target,
    { route, params }: PathMatch<unknown>,
    { ip, secure }: ClientAddress,
    { subprotocol, mode }: Negotiated,
  ) {
    this.route = route;
    this.path = path;
    this.params = Object.keys(params).length === 0 ? NO_PARAMS : Object.freeze(params);
    this.headers = discreet(headers);
    this.ip = ip;
    this.origin = headers.origin;
    this.secure = secure;
    this.subprotocol = subprotocol;
    this.mode = mode;
    this.#query = query.toString();
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#query);
  }
}

/** The hooks of the application are given the request itself, and a token in its URL ends in their logs. */
export function redactRequest(request: IncomingMessage, queryParameter: string | undefined): void {
  if (request.url !== undefined) request.url = redactUrl(request.url, queryParameter);
}

/** Credentials can be read by name, for guards of one's own, but are not listed: who logs or copies all headers has none. */
function discreet(headers: IncomingHttpHeaders): Readonly<IncomingHttpHeaders> {
  const copy: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (UPGRADE_HEADERS.has(name)) continue;
    if (isCredential(name, value)) Object.defineProperty(copy, name, { value, enumerable: false });
    else copy[name] = value;
  }
  return Object.freeze(copy);
}

function isCredential(name: string, value: string | string[] | undefined): boolean {
  if (name === 'sec-websocket-protocol') return String(value).includes(BEARER_SUBPROTOCOL_PREFIX);
  return CREDENTIAL_HEADERS.has(name);
}
