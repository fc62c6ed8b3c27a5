import type { IncomingHttpHeaders } from 'node:http';

import { copyOf } from '../ground/index.js';
import { parseForwarded, type ForwardedElement } from './forwarded.js';
import { canonicalIp, ipOfNode } from '../connection/index.js';
import { createTrustCheck, MAX_HOPS, type TrustCheck, type TrustedProxies } from './trusted-proxies.js';

export { proxyProblems, type TrustedProxies } from './trusted-proxies.js';

/** Stands for the address of a client that cannot be known; all such clients count as one. */
const unknownAddress = 'unknown';

/** Where a request came from, as far as it can be known. */
export interface ClientAddress {
  /** Address in its canonical spelling, or {@link unknownAddress}. */
  readonly ip: string;
  /** Whether the client came by TLS: to us, or to the trusted proxy in front. */
  readonly secure: boolean;
  /** Host the client asked for, with its port if it named one; not checked for syntax. */
  readonly host: string | undefined;
}

/** Never throws, whatever the headers hold. */
export type AddressResolver = (
  remoteAddress: string | undefined,
  headers: IncomingHttpHeaders,
  encrypted: boolean,
) => ClientAddress;

/**
 * Tells clients apart behind proxies without letting any of them choose who it is:
 *
 * 1. A peer that is not a trusted proxy speaks for itself; its forwarding headers are ignored.
 * 2. Headers are read from the right, the end to which the trusted proxy appended, past further trusted proxies to the
 *    first node that is not one. A node without address (`unknown`, `_hidden`) ends the walk; the last proxy whose
 *    address is known then stands for the client.
 * 3. `X-Forwarded-For` is used when it is there, with `X-Forwarded-Proto` and `X-Forwarded-Host`; `Forwarded`
 *    (RFC 7239) only when it is not.
 * 4. When both are there and disagree, or `Forwarded` cannot be read, then one of them came from the client through a
 *    proxy that knows only the other. Nothing is believed: the address is `unknown`, scheme and host are our own.
 *
 * A trusted proxy has to write one of the two headers, and has to set, not pass on, scheme and host if it sends them.
 *
 * @throws HoldfastError `INVALID_OPTIONS` naming each malformed entry of `trustedProxies`
 */
export function createAddressResolver(trustedProxies: TrustedProxies): AddressResolver {
  const isTrusted = createTrustCheck(trustedProxies);
  return (remoteAddress, headers, encrypted) => {
    const peer = canonicalIp(remoteAddress);
    const own = { ip: peer ?? unknownAddress, secure: encrypted, host: headers.host };
    return isTrusted(peer, 0) ? throughProxy(peer, headers, own, isTrusted) : own;
  };
}

function throughProxy(
  peer: string | undefined,
  headers: IncomingHttpHeaders,
  own: ClientAddress,
  isTrusted: TrustCheck,
): ClientAddress {
  const forwarded = lineOf(headers.forwarded);
  const forwardedFor = lineOf(headers['x-forwarded-for']);
  const elements = forwarded === undefined ? [] : parseForwarded(forwarded);
  if (elements === undefined) return { ...own, ip: unknownAddress };

  const byElements = walk(peer, elements.map((element) => element.for).reverse(), isTrusted);
  if (forwardedFor === undefined && forwarded !== undefined) {
    return withFacts(own, byElements.ip, elements.at(-Math.max(1, byElements.hops)));
  }
  const byList = walk(peer, lastEntries(forwardedFor), isTrusted);
  if (forwarded !== undefined && byList.ip !== byElements.ip) return { ...own, ip: unknownAddress };
  return withFacts(own, byList.ip, {
    proto: entryAt(headers['x-forwarded-proto'], byList.hops),
    host: entryAt(headers['x-forwarded-host'], byList.hops),
  });
}

/** Follows `nodes`, nearest first, and says who the client is and how many of them it took to reach it. */
function walk(
  peer: string | undefined,
  nodes: readonly (string | undefined)[],
  isTrusted: TrustCheck,
): { ip: string; hops: number } {
  let ip = peer;
  let hops = 0;
  for (const node of nodes.slice(0, MAX_HOPS)) {
    const next = isTrusted(ip, hops) ? ipOfNode(node) : undefined;
    if (next === undefined) break;
    ip = next;
    hops += 1;
  }
  // Remembered by limits, and by a connection for life; as a part of the header it would hold the whole.
  return { ip: copyOf(ip ?? unknownAddress), hops };
}

function withFacts(own: ClientAddress, ip: string, said: Partial<ForwardedElement> | undefined): ClientAddress {
  return { ip, secure: isTls(said?.proto) ?? own.secure, host: said?.host ?? own.host };
}

function isTls(proto: string | undefined): boolean | undefined {
  switch (proto?.toLowerCase()) {
    case 'https':
    case 'wss':
      return true;
    case 'http':
    case 'ws':
      return false;
    default:
      return undefined;
  }
}

/** Repeated headers are one list (RFC 9110 section 5.3). */
function lineOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}

/** The entries of a comma-separated header from its end, at most {@link MAX_HOPS}, however long the header is. */
function lastEntries(header: string | undefined): string[] {
  const entries: string[] = [];
  let rest = header;
  while (rest !== undefined && entries.length < MAX_HOPS) {
    const comma = rest.lastIndexOf(',');
    entries.push(rest.slice(comma + 1).trim());
    rest = comma === -1 ? undefined : rest.slice(0, comma);
  }
  return entries;
}

/**
 * The entry that belongs to the hop which found the client. Proxies that append line up with the addresses; where one
 * of them overwrites, the list is shorter and its first entry is the farthest a trusted proxy vouches for.
 */
function entryAt(header: string | string[] | undefined, hops: number): string | undefined {
  const entries = lastEntries(lineOf(header));
  return entries[Math.min(Math.max(1, hops), entries.length) - 1] || undefined;
}
