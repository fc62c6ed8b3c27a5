import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOriginPolicy, originProblems, type OriginsAllowed } from '../../src/admission/origin-policy.js';

function policy(allowed: OriginsAllowed, allowMissing = false) {
  return createOriginPolicy({ allowed, allowMissing });
}

describe('same-origin', () => {
  it.each([
    ['http://example.com', 'example.com', false, true],
    ['http://example.com', 'example.com:80', false, true],
    ['http://example.com:80', 'example.com', false, true],
    ['https://example.com', 'example.com', true, true],
    ['https://example.com', 'example.com:443', true, true],
    ['https://EXAMPLE.com', 'Example.COM', true, true],
    ['http://localhost:3000', 'localhost:3000', false, true],
    ['http://[::1]:3000', '[::1]:3000', false, true],
    ['https://example.com', 'example.com', false, false],
    ['http://example.com', 'example.com', true, false],
    ['https://example.com', 'example.com:80', true, false],
    ['https://example.com:8443', 'example.com', true, false],
    ['https://evil.net', 'example.com', true, false],
    ['https://example.com.evil.net', 'example.com', true, false],
    ['https://sub.example.com', 'example.com', true, false],
    ['null', 'null', false, false],
    ['https://example.com', undefined, true, false],
    ['https://example.com', 'user@example.com', true, false],
    ['https://example.com', '', true, false],
    ['https://example.com', 'example.com/x', true, false],
  ])('%s to host %s (TLS %s): %s', (origin, host, secure, expected) => {
    expect(policy('same-origin')(origin, host, secure)).toBe(expected);
  });
});

describe('a list', () => {
  const passes = policy([
    'https://example.com',
    'http://localhost:5173',
    'https://*.example.org',
    'https://*.example.net:8443',
    /https:\/\/pr-\d+\.preview\.dev/,
    /https:\/\/one\.dev|https:\/\/two\.dev/g,
    'chrome-extension://abcdef',
  ]);

  it.each([
    'https://example.com',
    'https://example.com:443',
    'HTTPS://Example.Com',
    'http://localhost:5173',
    'https://a.example.org',
    'https://a.b.example.org',
    'https://a.example.net:8443',
    'https://pr-12.preview.dev',
    'https://one.dev',
    'https://two.dev',
    'chrome-extension://abcdef',
  ])('lets %s in, again and again', (origin) => {
    expect([1, 2, 3].map(() => passes(origin, 'ws.example.com', true))).toEqual([true, true, true]);
  });

  it.each([
    'http://example.com',
    'https://example.com:8443',
    'https://example.com.evil.net',
    'https://evilexample.com',
    'https://example.org',
    'https://evilexample.org',
    'http://a.example.org',
    'https://a.example.org:444',
    'https://a.example.org.evil.net',
    'https://.example.org',
    'https://a..example.org',
    'https://a.example.net',
    'https://pr-12.preview.dev.evil.net',
    'https://evil.net/https://pr-12.preview.dev',
    'https://one.dev.evil.net',
    'https://one.devhttps://two.dev',
    'null',
    'ws.example.com',
    '',
  ])('keeps %j out', (origin) => {
    expect(passes(origin, 'ws.example.com', true)).toBe(false);
  });

  it('lets an unanchored pattern match whole origins only', () => {
    const unanchored = policy([/example\.com/]);
    expect(unanchored('https://example.com.evil.net', 'x', true)).toBe(false);
    expect(unanchored('https://example.com', 'x', true)).toBe(false);
    expect(policy([/^https:\/\/a\.dev$/m])('https://a.dev', 'x', true)).toBe(true);
  });

  it('lets "null" in only when it is listed', () => {
    expect(policy(['null'])('null', 'x', true)).toBe(true);
    expect(policy('*')('null', 'x', true)).toBe(false);
    expect(policy([/.*/])('null', 'x', true)).toBe(false);
  });
});

describe('every policy', () => {
  it.each<OriginsAllowed>(['same-origin', '*', ['https://example.com']])(
    '%j leaves requests without Origin to the option',
    (allowed) => {
      expect(policy(allowed, true)(undefined, 'x', true)).toBe(true);
      expect(policy(allowed, false)(undefined, 'x', true)).toBe(false);
    },
  );

  it.each([
    '',
    'x',
    'https://',
    'https://a b',
    'https://a/',
    'https://a/path',
    'https://a?b',
    'https://u@a',
    'https://a:99999',
    'https://a https://b',
    `https://${'a'.repeat(400)}`,
  ])('refuses the malformed origin %j even when everyone may come in', (origin) => {
    expect(policy('*', true)(origin, 'a', true)).toBe(false);
  });

  it('never throws', () => {
    const text = fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.domain()), { nil: undefined });
    const policies = [policy('*'), policy('same-origin'), policy(['https://*.a.b', /x+/])];
    fc.assert(
      fc.property(text, text, fc.boolean(), (origin, host, secure) => {
        for (const decide of policies) expect(typeof decide(origin, host, secure)).toBe('boolean');
      }),
    );
  });

  it('never takes a foreign site for the same origin', () => {
    fc.assert(
      fc.property(fc.domain(), fc.domain(), (site, host) => {
        expect(policy('same-origin')(`https://${site}`, host, true)).toBe(site.toLowerCase() === host.toLowerCase());
      }),
    );
  });
});

describe('originProblems', () => {
  it('finds nothing wrong with what is right', () => {
    expect(originProblems('same-origin')).toEqual([]);
    expect(originProblems('*')).toEqual([]);
    expect(originProblems(['https://a.b', 'http://localhost:1', 'https://*.a.b', 'null', /x/, 'app://x'])).toEqual([]);
  });

  it.each([
    ['example.com', 'no scheme'],
    ['https://example.com/', 'a path'],
    ['https://example.com/chat', 'a path'],
    ['https://example.com/*', 'a path'],
    ['wss://example.com', 'address of a socket'],
    ['*', 'instead of the list'],
    ['https://*', 'wildcard elsewhere'],
    ['https://a.*.com', 'wildcard elsewhere'],
    ['https://*.*.com', 'wildcard elsewhere'],
    ['https://*a.com', 'wildcard elsewhere'],
    ['https://a:99999', 'is not an origin'],
    ['https://a b', 'is not an origin'],
  ])('names %s', (entry, problem) => {
    const problems = originProblems(['https://fine.example', entry]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`"${entry}"`);
    expect(problems[0]).toContain(problem);
    expect(() => policy([entry])).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
  });

  it.each([['https://example.com'], [42], [null], [{}], [[7]]])('names %j, which no compiler stopped', (allowed) => {
    expect(originProblems(allowed)).toHaveLength(1);
  });
});
