import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extractToken, redactUrl } from '../../src/auth/token-sources.js';

const sources = { cookieName: 'session', queryParameter: 'token' };
const none = { source: null };

describe('extractToken', () => {
  it.each([
    ['Authorization', { authorization: 'Bearer abc' }, undefined, { token: 'abc', source: 'authorization' }],
    ['a scheme in any case', { authorization: 'bEaReR abc' }, undefined, { token: 'abc', source: 'authorization' }],
    [
      'more space than needed',
      { authorization: ' Bearer   abc ' },
      undefined,
      { token: 'abc', source: 'authorization' },
    ],
    ['another scheme', { authorization: 'Basic YTpi' }, undefined, none],
    ['a scheme that only begins like ours', { authorization: 'Bearerish abc' }, undefined, none],
    ['a subprotocol', { 'sec-websocket-protocol': 'bearer.abc' }, undefined, { token: 'abc', source: 'subprotocol' }],
    [
      'the first of several subprotocols',
      { 'sec-websocket-protocol': 'holdfast.v1.json,bearer.abc , bearer.def' },
      undefined,
      { token: 'abc', source: 'subprotocol' },
    ],
    ['no bearer subprotocol', { 'sec-websocket-protocol': 'holdfast.v1.json, Bearer.abc' }, undefined, none],
    ['a cookie', { cookie: 'a=1; session=abc; b=2' }, undefined, { token: 'abc', source: 'cookie' }],
    ['a quoted, escaped cookie', { cookie: 'session="a%2Bb%3D"' }, undefined, { token: 'a+b=', source: 'cookie' }],
    ['a cookie of a longer name', { cookie: 'xsession=abc; session2=def; sessionabc' }, undefined, none],
    ['an empty cookie', { cookie: 'session=' }, undefined, none],
    ['a query parameter', {}, '/chat?a=1&token=abc', { token: 'abc', source: 'query' }],
    ['an escaped parameter name', {}, '/chat?%74oken=abc', { token: 'abc', source: 'query' }],
    ['an empty query parameter', {}, '/chat?token=', none],
    ['nothing', {}, '/chat', none],
    [
      'Authorization before everything else',
      { authorization: 'Bearer a', 'sec-websocket-protocol': 'bearer.b', cookie: 'session=c' },
      '/?token=d',
      { token: 'a', source: 'authorization' },
    ],
    [
      'the subprotocol before the cookie',
      { 'sec-websocket-protocol': 'bearer.b', cookie: 'session=c' },
      '/?token=d',
      { token: 'b', source: 'subprotocol' },
    ],
    ['the cookie before the query', { cookie: 'session=c' }, '/?token=d', { token: 'c', source: 'cookie' }],
  ])('takes %s', (_what, headers, url, expected) => {
    expect(extractToken({ headers, url }, sources)).toEqual(expected);
  });

  it.each([
    ['a scheme without a token', { authorization: 'Bearer' }, undefined, 'authorization'],
    ['two tokens', { authorization: 'Bearer a b' }, undefined, 'authorization'],
    ['a list', { authorization: 'Bearer a,b' }, undefined, 'authorization'],
    ['an empty subprotocol', { 'sec-websocket-protocol': 'bearer.' }, undefined, 'subprotocol'],
    ['a cookie that cannot be decoded', { cookie: 'session=%E0%A4%A' }, undefined, 'cookie'],
    ['a line break', {}, '/?token=a%0d%0ab', 'query'],
  ])('calls %s malformed instead of looking further', (_what, headers, url, source) => {
    const all = { cookie: 'session=good', ...headers };
    expect(extractToken({ headers: all, url }, source === 'query' ? { queryParameter: 'token' } : sources)).toEqual({
      source,
      malformed: true,
      reason: `The token in the ${source} is malformed`,
    });
  });

  it('refuses a token of more than 8 KiB and says so', () => {
    const longest = 'x'.repeat(8_192);
    expect(extractToken({ headers: { authorization: `Bearer ${longest}` } }, {}).token).toBe(longest);
    expect(extractToken({ headers: { authorization: `Bearer ${longest}x` } }, {})).toEqual({
      source: 'authorization',
      malformed: true,
      reason: 'The token in the authorization is longer than 8192 bytes',
    });
  });

  it('reads cookies and the query string only when they are switched on', () => {
    expect(extractToken({ headers: { cookie: 'session=abc' }, url: '/?token=abc' }, {})).toEqual(none);
  });

  it('never throws and never returns what is no token, whatever the client sends', () => {
    const text = fc.string({ unit: 'binary-ascii', maxLength: 40 });
    const noise = fc.oneof(
      text,
      text.map((tail) => `Bearer ${tail}`),
      text.map((tail) => `a=b; session=${tail}`),
    );
    const header = fc.option(noise, { nil: undefined });
    fc.assert(
      fc.property(header, header, header, header, (authorization, protocol, cookie, tail) => {
        const headers = { authorization, 'sec-websocket-protocol': protocol, cookie };
        const found = extractToken({ headers, url: `/?token=${tail ?? ''}` }, sources);
        expect(found.token ?? 'absent').toMatch(/^[\w.~+/-]+=*$/);
        expect(found.token === undefined).toBe(found.source === null || found.malformed === true);
      }),
    );
  });

  it('finds the same token wherever it is put', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w.~-]{1,60}$/), (token) => {
        const url = `/chat?token=${encodeURIComponent(token)}`;
        expect(extractToken({ headers: { authorization: `Bearer ${token}` } }, sources).token).toBe(token);
        expect(extractToken({ headers: { 'sec-websocket-protocol': `x, bearer.${token}` } }, sources).token).toBe(
          token,
        );
        expect(extractToken({ headers: { cookie: `session=${token}` } }, sources).token).toBe(token);
        expect(extractToken({ headers: {}, url }, sources).token).toBe(token);
      }),
    );
  });
});

describe('redactUrl', () => {
  it.each([
    ['/chat?token=abc', '/chat?token=[redacted]'],
    ['/chat?a=1&token=abc&b=2', '/chat?a=1&token=[redacted]&b=2'],
    ['/chat?token=abc&token=def', '/chat?token=[redacted]&token=[redacted]'],
    ['/chat?%74oken=abc', '/chat?%74oken=[redacted]'],
    ['/chat?token=a=b=c', '/chat?token=[redacted]'],
    ['/chat??token=abc', '/chat??token=[redacted]'],
    ['/chat?token', '/chat?token'],
    ['/chat?tokens=abc', '/chat?tokens=abc'],
    ['/token=abc', '/token=abc'],
    ['wss://h.example/chat?token=abc', 'wss://h.example/chat?token=[redacted]'],
  ])('makes %s into %s', (url, redacted) => {
    expect(redactUrl(url, 'token')).toBe(redacted);
  });

  it('leaves the URL alone when no parameter holds tokens', () => {
    expect(redactUrl('/chat?token=abc', undefined)).toBe('/chat?token=abc');
  });

  it('leaves nothing that extractToken would find, whatever the query string', () => {
    const part = fc.oneof(
      fc.constantFrom('&', '=', '?', 'token', '%74oken', '+', '#', ';', '%'),
      fc.webQueryParameters(),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const redacted = redactUrl(`/chat?${parts.join('')}`, 'token');
        expect(extractToken({ headers: {}, url: redacted }, sources)).not.toHaveProperty('token');
      }),
    );
  });
});
