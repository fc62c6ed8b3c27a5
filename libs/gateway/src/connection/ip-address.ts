import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** Longer than any address with brackets, zone and port. */
const maxNodeChars = 100;

/**
 * The one spelling of an address: IPv4 dotted, IPv6 compressed and lower-case without zone, and IPv4 mapped into IPv6
 * (`::ffff:1.2.3.4`, what a dual-stack listener reports) as IPv4. Never throws.
 *
 * @returns undefined when the text is no address
 */
export function canonicalIp(text: string | undefined): string | undefined {
  if (text === undefined || text.length > maxNodeChars) return undefined;
  if (isIPv4(text)) return text;
  const address = text.split('%', 1)[0] ?? '';
  if (!isIPv6(address)) return undefined;
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical);
  return mapped?.[1] ?? canonical;
}

/**
 * Address of a node as proxies write it (RFC 7239 section 6): with or without port, IPv6 with or without brackets.
 *
 * @returns undefined for `unknown`, obfuscated identifiers and anything else that is no address
 */
export function ipOfNode(node: string | undefined): string | undefined {
  if (node === undefined || node.length > maxNodeChars) return undefined;
  const [, bracketed, dotted] = /^(?:\[([^\]]+)\]|([\d.]+))(?::[\w.-]+)?$/.exec(node) ?? [];
  return canonicalIp(bracketed ?? dotted ?? node);
}

/**
 * The key by which limits count a client: IPv4 whole, IPv6 by its /64, because one subscriber is given at least that
 * and could otherwise use a new address for every attempt. Any other text is its own key.
 *
 * @publicApi
 */
export function addressKey(ip: string): string {
  const canonical = canonicalIp(ip);
  if (canonical === undefined || isIPv4(canonical)) return canonical ?? ip;
  const [head = '', tail] = canonical.split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}

function groupsOf(part: string): string[] {
  // A dotted tail such as in ::1.2.3.4 stands for two groups; both are beyond the /64.
  return part === '' ? [] : part.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]));
}
