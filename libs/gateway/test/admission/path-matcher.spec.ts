import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizeRoute, parseTarget, PathMatcher } from '../../src/admission/path-matcher.js';

function matcherOf(...routes: string[]): PathMatcher<string> {
  const matcher = new PathMatcher<string>();
  for (const route of routes) matcher.add(route, `gateway of ${route}`);
  return matcher;
}

describe('PathMatcher', () => {
  const matcher = matcherOf('/', '/chat', '/rooms/:room', '/rooms/lobby', '/a/:x/c', '/a/b/d', '/:tenant/rooms/:room');

  it.each([
    ['/', '/', {}],
    ['/chat', '/chat', {}],
    ['/chat/', '/chat', {}],
    ['/rooms/42', '/rooms/:room', { room: '42' }],
    ['/rooms/42/', '/rooms/:room', { room: '42' }],
    ['/rooms/lobby', '/rooms/lobby', {}],
    ['/rooms/caf%C3%A9%2Fbar', '/rooms/:room', { room: 'café/bar' }],
    ['/acme/rooms/7', '/:tenant/rooms/:room', { tenant: 'acme', room: '7' }],
    // The static "b" leads nowhere, so the param is tried too.
    ['/a/b/c', '/a/:x/c', { x: 'b' }],
    ['/rooms/rooms/rooms', '/:tenant/rooms/:room', { tenant: 'rooms', room: 'rooms' }],
  ])('%s belongs to %s', (path, route, params) => {
    const match = matcher.match(path);
    expect(match).toMatchObject({ route, value: `gateway of ${route}` });
    expect({ ...match?.params }).toEqual(params);
  });

  it.each(['', 'chat', '//', '/chat//', '//chat', '/Chat', '/ch%61t', '/rooms', '/rooms/', '/rooms//', '/chat/more'])(
    '%j belongs to nobody',
    (path) => {
      expect(matcher.match(path)).toBeUndefined();
    },
  );

  it.each(['/rooms/%', '/rooms/%zz', '/rooms/%ff', '/rooms/%C3', '/rooms/%ED%A0%80'])(
    'does not match the malformed encoding of %s',
    (path) => {
      expect(matcher.match(path)).toBeUndefined();
    },
  );

  it('takes __proto__ for an ordinary name of a parameter and of a segment', () => {
    const hostile = matcherOf('/x/:__proto__');
    const params = hostile.match('/x/polluted')?.params;
    expect(Object.entries(params ?? {})).toEqual([['__proto__', 'polluted']]);
    expect(Object.getPrototypeOf(params)).toBeNull();
    expect(hostile.match('/__proto__/x')).toBeUndefined();
  });

  it.each([
    ['/a/:x', '/a/:y'],
    ['/chat', '/chat/'],
    ['/:a/b/:c', '/:x/b/:y'],
  ])('refuses %s beside %s, naming both', (first, second) => {
    const matching = matcherOf(first);
    expect(() => {
      matching.add(second, 'second');
    }).toThrow(
      expect.objectContaining({
        code: 'INVALID_GATEWAY',
        message: `routes "${first}" and "${second}" match the same paths`,
      }),
    );
  });

  it.each([
    '/a/:',
    '/a/*',
    '/a?b=c',
    '/a#b',
    '/a/:x-:y',
    '/a/x:y',
    '/a//b',
    '/a/../b',
    '/a b',
    '/a/:x/:x',
    '/caf%C3%A9',
    '/a/:x?',
  ])('refuses the malformed route %s by name', (route) => {
    expect(() => matcherOf(route)).toThrow(
      expect.objectContaining({
        code: 'INVALID_GATEWAY',
        message: expect.stringContaining(`route "${route}"`) as string,
      }),
    );
  });

  it('finds every added static route, and its params as they were before encoding', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(value, value, (tenant, room) => {
        const match = matcher.match(`/${encodeURIComponent(tenant)}/rooms/${encodeURIComponent(room)}`);
        expect({ ...match?.params }).toEqual({ tenant, room });
      }),
    );
  });

  it('never throws, whatever the path', () => {
    const path = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom('/', 'a', 'rooms', '%', '..', ':x')).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(path, (hostile) => {
        matcher.match(hostile);
        matcher.match(`/${hostile}`);
      }),
    );
  });
});

describe('normalizeRoute', () => {
  it.each([
    [undefined, undefined, '/'],
    ['', undefined, '/'],
    ['/', undefined, '/'],
    ['chat', undefined, '/chat'],
    ['/chat/', undefined, '/chat'],
    [undefined, 'api', '/api'],
    ['/', '/api/', '/api'],
    ['rooms/:room', 'api/v1', '/api/v1/rooms/:room'],
    ['/chat', '', '/chat'],
  ])('%j with prefix %j is %s', (path, prefix, route) => {
    expect(normalizeRoute(path, prefix)).toBe(route);
  });
});

describe('parseTarget', () => {
  it.each([
    ['/', '/', ''],
    ['/chat', '/chat', ''],
    ['/chat?', '/chat', ''],
    ['/chat?a=1&b=%20?', '/chat', 'a=1&b=%20?'],
    ['//', '//', ''],
    ['//evil.net/chat', '//evil.net/chat', ''],
    ['http://x/chat?a=1', '/chat', 'a=1'],
    ['wss://x:1/chat', '/chat', ''],
    ['http://x', '/', ''],
    ['http://x?a=1', '/', 'a=1'],
    ['/?next=http://x/y', '/', 'next=http://x/y'],
  ])('%s has path %s and query %j', (url, path, search) => {
    const target = parseTarget(url);
    expect(target?.path).toBe(path);
    expect(target?.search).toBe(search);
  });

  it.each([
    undefined,
    '',
    'chat',
    '*',
    'x:80',
    '?a',
    'ftp://x/chat',
    'http:///chat',
    '/a#b',
    '/a b',
    '/a\r\nb',
    '/é',
    `/${'a'.repeat(8192)}`,
  ])('refuses %j', (url) => {
    expect(parseTarget(url)).toBeUndefined();
  });

  it('never throws, and always yields a path that begins with a slash', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl({ withQueryParameters: true })), (url) => {
        expect(parseTarget(url)?.path[0] ?? '/').toBe('/');
      }),
    );
  });
});
