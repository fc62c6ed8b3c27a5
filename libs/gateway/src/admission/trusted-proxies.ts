import { BlockList, isIPv4, isIPv6 } from 'node:net';

import { HoldfastError } from '../errors/index.js';
import { canonicalIp } from '../connection/index.js';

/** A longer chain of proxies is a forged one; also the bound on what is read of a header. */
export const MAX_HOPS = 32;

const namedRanges: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
]);

/**
 * Which proxies may speak for clients: addresses, CIDRs and the names `loopback`, `private`, `linklocal`; or the number
 * of proxies in front, each of which appends to the header. Empty or 0: none, headers are ignored. With a number
 * larger than the truth, clients choose their address.
 *
 * @publicApi
 */
export type TrustedProxies = readonly string[] | number;

/** Whether the node `hop` steps away (0: the peer of the socket) is a trusted proxy; `ip` undefined: not known. */
export type TrustCheck = (ip: string | undefined, hop: number) => boolean;

/** Says what is wrong with the setting, one sentence per entry; empty when nothing is. Options come untyped too. */
export function proxyProblems(trustedProxies: unknown): string[] {
  if (typeof trustedProxies === 'number') {
    const isCount = Number.isInteger(trustedProxies) && trustedProxies >= 0 && trustedProxies <= MAX_HOPS;
    return isCount ? [] : [`the number of trusted proxies must be from 0 to ${MAX_HOPS}, not ${trustedProxies}`];
  }
  if (!Array.isArray(trustedProxies))
    return [`trusted proxies must be a list or a number, not ${JSON.stringify(trustedProxies)}`];
  return trustedProxies.flatMap((entry: unknown) => {
    const problem = typeof entry === 'string' ? entryProblem(entry) : 'is not text';
    return problem === undefined ? [] : [`trusted proxy ${JSON.stringify(entry)} ${problem}`];
  });
}

/** @throws HoldfastError `INVALID_OPTIONS` naming each malformed entry */
export function createTrustCheck(trustedProxies: TrustedProxies): TrustCheck {
  const problems = proxyProblems(trustedProxies);
  if (problems.length > 0) throw new HoldfastError('INVALID_OPTIONS', problems.join('; '));
  if (typeof trustedProxies === 'number') return (_ip, hop) => hop < trustedProxies;
  if (trustedProxies.length === 0) return () => false;
  const ranges = new BlockList();
  for (const entry of trustedProxies.flatMap((name) => namedRanges.get(name) ?? name)) {
    const [text = '', prefix] = entry.split('/');
    const address = canonicalIp(text) ?? text;
    if (prefix === undefined) ranges.addAddress(address, familyOf(address));
    else ranges.addSubnet(address, Number(prefix), familyOf(address));
  }
  return (ip) => ip !== undefined && ranges.check(ip, familyOf(ip));
}

function entryProblem(entry: string): string | undefined {
  if (namedRanges.has(entry)) return undefined;
  const [address = '', prefix, more] = entry.split('/');
  const isV4 = isIPv4(address);
  if (more !== undefined || !(isV4 || isIPv6(address))) {
    return 'is no address, CIDR or one of loopback, private, linklocal';
  }
  if (prefix === undefined) return undefined;
  if (!isV4 && canonicalIp(address)?.includes('.')) return 'mixes IPv4 and IPv6; write the IPv4 CIDR';
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  // Trusting everyone means that each client chooses its own address.
  if (bits === 0) return 'trusts every client; give the number of proxies instead';
  return bits <= (isV4 ? 32 : 128) ? undefined : `has a prefix that is not from 1 to ${isV4 ? 32 : 128}`;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
