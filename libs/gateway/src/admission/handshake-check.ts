import { BEARER_SUBPROTOCOL_PREFIX, PLAIN_SUBPROTOCOL, SDK_SUBPROTOCOL_JSON } from '@holdfast/protocol';
import type { IncomingMessage } from 'node:http';
import type { Handshake } from '../connection/index.js';
import { type Refusal, refusals } from './refusal.js';

/** 16 octets in base64, RFC 6455 section 4.1. */
const keyPattern = /^[A-Za-z0-9+/]{22}==$/;
/** RFC 9112 section 3.2: `uri-host [":" port]`, with a name as loose as RFC 3986 has it. */
const hostPattern = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d{0,5})?$/;
const tokenPattern = /^[\w!#$%&'*+.^`|~-]+$/;
/** What JavaScript would trim and HTTP would not: RFC 9110 section 5.6.3 knows space and tab. */
const beyondAscii = /[^\t\x20-\x7e]/;

/** What client and server will speak. */
export type Negotiated = Pick<Handshake, 'mode' | 'subprotocol'>;

/**
 * Checks what RFC 6455 section 4.2.1 demands of an upgrade request; undefined when it is in order.
 *
 * `UPGRADE_REQUIRED` is for requests that are no attempt at a WebSocket of version 13, `BAD_HANDSHAKE` for bad
 * attempts.
 */
export function checkUpgradeRequest({
  method,
  headers,
  httpVersion = '1.1',
  rawHeaders = [],
}: Pick<IncomingMessage, 'method' | 'headers'> & Partial<Pick<IncomingMessage, 'httpVersion' | 'rawHeaders'>>):
  Refusal | undefined {
  if (method !== 'GET') return refusals.upgradeRequired();
  // As `ws` compares: what passed here and not there would be refused without our knowing.
  if (headers.upgrade?.toLowerCase() !== 'websocket') return refusals.upgradeRequired();
  if (headers['sec-websocket-version'] !== '13') return refusals.upgradeRequired();
  // A proxy that speaks HTTP/1.0 to us would not know what to do with a 101, and HTTP/2 has another handshake (RFC
  // 8441).
  if (httpVersion !== '1.1') return refusals.badHandshake('The request is not HTTP/1.1, which a WebSocket needs');
  if (!headers.host) return refusals.badHandshake('The Host header is missing');
  // Of two Node keeps the first, and a proxy in front perhaps the second: who is same-origin would be a matter of
  // taste.
  if (!hostPattern.test(headers.host) || comesTwice('host', rawHeaders)) {
    return refusals.badHandshake('The Host header is malformed or comes twice');
  }
  if (!listOf(headers.connection).some((option) => option.toLowerCase() === 'upgrade')) {
    return refusals.badHandshake('The Connection header does not say Upgrade');
  }
  if (!keyPattern.test(headers['sec-websocket-key'] ?? '')) {
    return refusals.badHandshake('The Sec-WebSocket-Key header is missing or is not 16 octets in base64');
  }
  // Two servers that disagree about where a body ends can be made to disagree about whose the next bytes are.
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') {
    return refusals.badHandshake('A handshake has no body');
  }
  return undefined;
}

/** What a path speaks. */
export interface Spoken {
  /** Subprotocols of the application. */
  readonly subprotocols: readonly string[];
  /** SDK clients are let in beside plain ones. */
  readonly servesSdk: boolean;
}

/**
 * Chooses among the subprotocols a client offers: SDK mode if it can, otherwise plain mode, in the first subprotocol of
 * the application that the client names (RFC 6455 section 4.1: in order of preference). A client that offers only
 * its token is plain with no subprotocol agreed; browsers fail such a connection, so that pages have to offer
 * {@link PLAIN_SUBPROTOCOL} beside the token. The token itself is never chosen, nor repeated in a refusal.
 *
 * @param header - value of `Sec-WebSocket-Protocol`; undefined when there is none
 */
export function negotiateSubprotocol(
  header: string | undefined,
  { subprotocols, servesSdk }: Spoken,
): Negotiated | Refusal {
  if (header === undefined) return { mode: 'plain', subprotocol: '' };
  const offered = listOf(header);
  if (beyondAscii.test(header) || !offered.every(isToken)) {
    return refusals.badHandshake('The Sec-WebSocket-Protocol header is not a list of tokens');
  }
  if (new Set(offered).size < offered.length) {
    return refusals.badHandshake('The Sec-WebSocket-Protocol header names a subprotocol twice');
  }
  if (servesSdk && offered.includes(SDK_SUBPROTOCOL_JSON)) return { mode: 'sdk', subprotocol: SDK_SUBPROTOCOL_JSON };
  const chosen = offered.find((name) => subprotocols.includes(name));
  if (chosen !== undefined) return { mode: 'plain', subprotocol: chosen };
  if (offered.includes(PLAIN_SUBPROTOCOL)) return { mode: 'plain', subprotocol: PLAIN_SUBPROTOCOL };
  const isTokenOnly = offered.every((name) => name.startsWith(BEARER_SUBPROTOCOL_PREFIX));
  if (isTokenOnly) return { mode: 'plain', subprotocol: '' };
  const sdk = servesSdk ? [SDK_SUBPROTOCOL_JSON] : [];
  return refusals.subprotocolUnsupported([...sdk, ...subprotocols, PLAIN_SUBPROTOCOL]);
}

/** RFC 9110 section 5.6.2. */
export function isToken(name: string): boolean {
  return tokenPattern.test(name);
}

/** @param rawHeaders - names and values by turns */
function comesTwice(name: string, rawHeaders: readonly string[]): boolean {
  return rawHeaders.filter((entry, index) => index % 2 === 0 && entry.toLowerCase() === name).length > 1;
}

function listOf(header: string | undefined): string[] {
  return (header ?? '').split(',').map((entry) => entry.trim());
}
