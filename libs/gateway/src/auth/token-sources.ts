import { BEARER_SUBPROTOCOL_PREFIX } from '@holdfast/protocol';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Longest token that is looked at, in bytes. Real ones are below 4 KiB; hashing and decoding megabytes would be work
 * that any client can demand.
 */
export const MAX_TOKEN_BYTES = 8_192;

/** Where else than in `Authorization` and the subprotocols a token may be; an absent name switches the source off. */
export interface TokenSources {
  readonly cookieName?: string | undefined;
  readonly queryParameter?: string | undefined;
}

/** What of an upgrade request holds credentials. Node's `IncomingMessage` has this shape. */
export interface TokenBearingRequest {
  readonly headers: IncomingHttpHeaders;
  readonly url?: string | undefined;
}

/** A token, or why the one that was presented is not looked at, or neither. */
export interface ExtractedToken {
  readonly token?: string;
  readonly source: 'authorization' | 'subprotocol' | 'cookie' | 'query' | null;
  /** Credentials were presented but are unusable: refuse with 401, do not treat the client as anonymous. */
  readonly malformed?: true;
  /** Why, in words that are safe for the client. Present with `malformed`. */
  readonly reason?: string;
}

/** RFC 6750 section 2.1, `b64token`. JWTs and every opaque token fit in. */
const tokenSyntax = /^[\w.~+/-]+=*$/;

/**
 * Finds the token of a request: `Authorization: Bearer`, then the first `bearer.<token>` subprotocol, then the cookie,
 * then the query parameter. The first source that presents anything decides, even if what it presents is unusable:
 * falling through would let a second source choose the identity.
 *
 * @publicApi
 */
export function extractToken(request: TokenBearingRequest, sources: TokenSources): ExtractedToken {
  const { headers } = request;
  const authorization = bearerOf(headers.authorization);
  if (authorization !== undefined) return judge(authorization, 'authorization');
  const subprotocol = subprotocolOf(headers['sec-websocket-protocol']);
  if (subprotocol !== undefined) return judge(subprotocol, 'subprotocol');
  const cookie = cookieOf(headers.cookie, sources.cookieName);
  if (cookie !== undefined) return judge(cookie, 'cookie');
  const parameter = parameterOf(request.url, sources.queryParameter);
  if (parameter !== undefined) return judge(parameter, 'query');
  return { source: null };
}

/**
 * The URL with the value of every occurrence of the token's query parameter replaced by `[redacted]`. Use it wherever
 * a request URL is logged, traced or reported.
 *
 * @publicApi
 */
export function redactUrl(url: string, queryParameter: string | undefined): string {
  const queryAt = url.indexOf('?');
  if (queryParameter === undefined || queryAt === -1) return url;
  const pairs = url.slice(queryAt + 1).split('&');
  return `${url.slice(0, queryAt)}?${pairs.map((pair) => redactPair(pair, queryParameter)).join('&')}`;
}

function redactPair(pair: string, queryParameter: string): string {
  // The parser that finds the token also decides what counts as its name, so `%74oken=` cannot slip past.
  return new URLSearchParams(pair).has(queryParameter) ? pair.replace(/=.*/s, '=[redacted]') : pair;
}

function judge(token: string, source: Exclude<ExtractedToken['source'], null>): ExtractedToken {
  if (token.length > MAX_TOKEN_BYTES) return { source, malformed: true, reason: tooLong(source) };
  if (!tokenSyntax.test(token)) return { source, malformed: true, reason: `The token in the ${source} is malformed` };
  return { token, source };
}

function tooLong(source: string): string {
  return `The token in the ${source} is longer than ${MAX_TOKEN_BYTES} bytes`;
}

/** Other schemes are not ours: a proxy's Basic credentials must not keep a client with a cookie out. */
function bearerOf(header: string | undefined): string | undefined {
  const match = header === undefined ? null : /^bearer(?:\s+(.*))?$/i.exec(header.trim());
  return match === null ? undefined : (match[1] ?? '');
}

function subprotocolOf(header: string | undefined): string | undefined {
  const offered = header?.split(',').map((name) => name.trim());
  return offered?.find((name) => name.startsWith(BEARER_SUBPROTOCOL_PREFIX))?.slice(BEARER_SUBPROTOCOL_PREFIX.length);
}

/** An empty cookie is what logging out leaves behind: no credentials, rather than bad ones. */
function cookieOf(header: string | undefined, cookieName: string | undefined): string | undefined {
  if (header === undefined || cookieName === undefined) return undefined;
  for (const pair of header.split(';')) {
    const equalsAt = pair.indexOf('=');
    if (equalsAt === -1 || pair.slice(0, equalsAt).trim() !== cookieName) continue;
    return unescapeCookie(pair.slice(equalsAt + 1).trim()) || undefined;
  }
  return undefined;
}

/** Servers percent-encode or quote cookie values; a value that cannot be decoded stays as it is and is malformed. */
function unescapeCookie(value: string): string {
  const bare = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  try {
    return decodeURIComponent(bare);
  } catch {
    return bare;
  }
}

function parameterOf(url: string | undefined, queryParameter: string | undefined): string | undefined {
  if (url === undefined || queryParameter === undefined) return undefined;
  const queryAt = url.indexOf('?');
  if (queryAt === -1) return undefined;
  return new URLSearchParams(url.slice(queryAt + 1)).get(queryParameter) || undefined;
}
