import { HoldfastError } from '../errors/index.js';

const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443' };

/** Longer than any name DNS allows, with scheme and port; keeps user-supplied patterns away from hostile lengths. */
const maxOriginChars = 300;

const hostPattern = String.raw`(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])`;
const originPattern = new RegExp(String.raw`^([a-z][a-z0-9+.-]*)://(${hostPattern})(?::(\d{1,5}))?$`);
const hostAndPort = new RegExp(String.raw`^${hostPattern}(?::\d{1,5})?$`);
const wildcardPattern = '*.';

/**
 * Who may open a socket: `same-origin`, `*` for everyone, or a list of origins and patterns.
 *
 * @publicApi
 */
export type OriginsAllowed = 'same-origin' | '*' | readonly (string | RegExp)[];

export interface OriginOptions {
  readonly allowed: OriginsAllowed;
  /** What becomes of requests without Origin: programs rather than browsers. */
  readonly allowMissing: boolean;
}

/**
 * Decides by the `Origin` header (RFC 6454, RFC 6455 section 10.2); true lets the request pass. Never throws.
 *
 * @param host - what the client asked for: `Host`, or what a trusted proxy says it was
 * @param secure - whether the client came by TLS
 */
export type OriginPolicy = (origin: string | undefined, host: string | undefined, secure: boolean) => boolean;

/**
 * Compiles the allow-list.
 *
 * - `same-origin` compares scheme, host and port; a port left out is the scheme's default. A proxy that rewrites Host
 *   has to pass the original one on (`X-Forwarded-Host`, with its port).
 * - Strings are whole origins; `https://*.example.com` stands for any subdomain, however deep, but not for
 *   `example.com` itself.
 * - Patterns have to match the whole origin, lower-cased and without default port: `/example\.com/` matches nothing.
 * - The opaque origin `null` (sandboxed frames, files) passes only where it is listed, not by `*` or a pattern.
 *
 * @throws HoldfastError `INVALID_OPTIONS` naming each malformed entry
 */
export function createOriginPolicy({ allowed, allowMissing }: OriginOptions): OriginPolicy {
  const problems = originProblems(allowed);
  if (problems.length > 0) throw new HoldfastError('INVALID_OPTIONS', problems.join('; '));
  const accepts = compile(allowed);
  return (header, host, secure) => {
    if (header === undefined) return allowMissing;
    if (header === 'null') return typeof allowed !== 'string' && allowed.includes('null');
    const origin = parseOrigin(header);
    return origin !== undefined && accepts(origin, host, secure);
  };
}

/** Says what is wrong with an allow-list, one sentence per entry; empty when nothing is. Options come untyped too. */
export function originProblems(allowed: unknown): string[] {
  if (allowed === 'same-origin' || allowed === '*') return [];
  if (!Array.isArray(allowed)) return [`origins must be 'same-origin', '*' or a list, not ${JSON.stringify(allowed)}`];
  return allowed.flatMap((entry: unknown) => {
    if (entry instanceof RegExp) return [];
    if (typeof entry !== 'string') return [`origin ${JSON.stringify(entry)} is neither text nor a regular expression`];
    const problem = entryProblem(entry);
    return problem === undefined ? [] : [`origin "${entry}" ${problem}`];
  });
}

interface Origin {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
}

type Rule = (origin: Origin, host: string | undefined, secure: boolean) => boolean;

function compile(allowed: OriginsAllowed): Rule {
  if (allowed === '*') return () => true;
  if (allowed === 'same-origin') return isSameOrigin;
  const exact = new Set<string>();
  const rules: Rule[] = [];
  for (const entry of allowed) {
    if (typeof entry !== 'string') rules.push(patternRule(entry));
    else if (entry.includes(wildcardPattern)) rules.push(subdomainRule(entry));
    else if (entry !== 'null') exact.add(serialize(parseOrigin(entry)));
  }
  return (origin, host, secure) => exact.has(serialize(origin)) || rules.some((rule) => rule(origin, host, secure));
}

function isSameOrigin(origin: Origin, host: string | undefined, secure: boolean): boolean {
  if (host === undefined || host.length > maxOriginChars || !hostAndPort.test(host.toLowerCase())) return false;
  return serialize(parseOrigin(`${secure ? 'https' : 'http'}://${host}`)) === serialize(origin);
}

function subdomainRule(entry: string): Rule {
  const base = parseOrigin(entry.replace(wildcardPattern, ''));
  const suffix = `.${base?.host ?? ''}`;
  // Origins have no empty label, so whatever stands before the suffix is a name.
  return ({ scheme, host, port }) => scheme === base?.scheme && port === base.port && host.endsWith(suffix);
}

function patternRule(pattern: RegExp): Rule {
  // Wrapped, because `.com` unanchored lets https://example.com.evil.net in. Without g and y, which keep a position
  // between calls, and without m, which lets $ match in the middle.
  const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gym]/g, ''));
  return (origin) => whole.test(serialize(origin));
}

function parseOrigin(text: string): Origin | undefined {
  if (text.length > maxOriginChars) return undefined;
  const [, scheme, host, digits] = originPattern.exec(text.toLowerCase()) ?? [];
  if (scheme === undefined || host === undefined) return undefined;
  const port = digits === undefined ? '' : String(Number(digits));
  if (Number(port) > 65_535) return undefined;
  return { scheme, host, port: port === defaultPorts[scheme] ? '' : port };
}

function serialize(origin: Origin | undefined): string {
  return origin ? `${origin.scheme}://${origin.host}${origin.port && `:${origin.port}`}` : '';
}

function entryProblem(entry: string): string | undefined {
  if (entry === 'null') return undefined;
  if (entry === '*') return 'cannot be part of a list; allow everyone by writing "*" instead of the list';
  if (!entry.includes('://')) return `has no scheme; write "https://${entry}"`;
  if (/^wss?:/i.test(entry))
    return 'is the address of a socket; origins are those of pages, such as "https://example.com"';
  if (/^[^:]+:\/\/[^/?#]*[/?#]/.test(entry)) return 'has a path; an origin ends with host or port';
  const [before = '', after, more] = entry.split('*');
  if (after === undefined) return parseOrigin(entry) ? undefined : 'is not an origin; write "https://example.com"';
  const isSubdomains = more === undefined && before.endsWith('://') && after.startsWith('.');
  if (isSubdomains && parseOrigin(before + after.slice(1))) return undefined;
  return 'has a wildcard elsewhere than in "https://*.example.com"';
}
