import fc from 'fast-check';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createAddressResolver, proxyProblems, type TrustedProxies } from '../../src/admission/client-address.js';

const proxyAddress = '10.0.0.1';

function resolve(trusted: TrustedProxies, peer: string | undefined, headers: IncomingHttpHeaders, encrypted = false) {
  return createAddressResolver(trusted)(peer, headers, encrypted);
}

function ipBehind(
  headers: IncomingHttpHeaders,
  trusted: TrustedProxies = ['private'],
  peer: string | undefined = proxyAddress,
) {
  return resolve(trusted, peer, headers).ip;
}

describe('without trusted proxies', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:0102:0304', '1.2.3.4'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    [undefined, 'unknown'],
  ])('the peer %s is the client %s', (peer, ip) => {
    const headers = {
      'x-forwarded-for': '9.9.9.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil',
      host: 'own',
    };
    expect(resolve([], peer, headers)).toEqual({ ip, secure: false, host: 'own' });
    expect(resolve(0, peer, headers, true)).toEqual({ ip, secure: true, host: 'own' });
  });
});

describe('X-Forwarded-For', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['6.6.6.6, 1.2.3.4', '1.2.3.4'],
    ['1.2.3.4, 10.0.0.2,10.0.0.3', '1.2.3.4'],
    ['6.6.6.6, 1.2.3.4 , 192.168.1.1', '1.2.3.4'],
    ['1.2.3.4:5678', '1.2.3.4'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['10.0.0.5, 10.0.0.6', '10.0.0.5'],
    // Nothing left of an entry that is no address can be trusted to mean the client.
    ['1.2.3.4, unknown', proxyAddress],
    ['1.2.3.4, unknown, 10.0.0.9', '10.0.0.9'],
    ['1.2.3.4,', proxyAddress],
    ['', proxyAddress],
    ['999.1.1.1', proxyAddress],
    ['1.2.3.4.5, 1', proxyAddress],
  ])('%j means %s', (header, ip) => {
    expect(ipBehind({ 'x-forwarded-for': header })).toBe(ip);
  });

  it.each([
    [1, '5.5.5.5'],
    [2, '4.4.4.4'],
    [3, '3.3.3.3'],
    [9, '3.3.3.3'],
  ])('with %d proxies in front, the client is %s', (proxies, ip) => {
    expect(ipBehind({ 'x-forwarded-for': '3.3.3.3, 4.4.4.4, 5.5.5.5' }, proxies, '6.6.6.6')).toBe(ip);
  });

  it('is believed from a proxy on a Unix socket only by number', () => {
    expect(resolve(1, undefined, { 'x-forwarded-for': '1.2.3.4' }).ip).toBe('1.2.3.4');
    expect(resolve(['loopback'], undefined, { 'x-forwarded-for': '1.2.3.4' }).ip).toBe('unknown');
  });

  it('reads no more than 32 entries of a header of any length', () => {
    const header = `1.2.3.4,${Array<string>(100_000).fill('10.0.0.7').join(',')}`;
    expect(ipBehind({ 'x-forwarded-for': header })).toBe('10.0.0.7');
    expect(ipBehind({ 'x-forwarded-for': ','.repeat(1_000_000) })).toBe(proxyAddress);
    expect(ipBehind({ 'x-forwarded-for': ' '.repeat(1_000_000) })).toBe(proxyAddress);
  });
});

describe('Forwarded', () => {
  it.each([
    ['for=1.2.3.4', '1.2.3.4'],
    ['For="[2001:DB8::1]:4711"', '2001:db8::1'],
    ['for="1.2.3.4:80";by=x;proto=http', '1.2.3.4'],
    ['for=6.6.6.6, for=1.2.3.4 , for=10.0.0.9', '1.2.3.4'],
    ['for=6.6.6.6;by="a,b;c\\"d", , for=1.2.3.4', '1.2.3.4'],
    ['for=[2001:db8::1]', '2001:db8::1'],
    ['for=1.2.3.4, for=_hidden', proxyAddress],
    ['for=1.2.3.4, for="_gazonk:_x"', proxyAddress],
    ['for=1.2.3.4, for=unknown', proxyAddress],
    ['for=1.2.3.4, proto=https', proxyAddress],
    ['', proxyAddress],
    // A client cannot swallow what the proxy appends by leaving a quote open, nor by writing anything else.
    ['for=6.6.6.6;x=", for=1.2.3.4', 'unknown'],
    ['for=6.6.6.6;x=", for="1.2.3.4"', 'unknown'],
    ['for=6.6.6.6;x=", for=1.2.3.4;by="y";proto=http', 'unknown'],
    ['for=6.6.6.6;for=7.7.7.7, for=1.2.3.4', 'unknown'],
    ['garbage, for=1.2.3.4', 'unknown'],
    [`x=${'y'.repeat(20_000)}, for=1.2.3.4`, 'unknown'],
  ])('%j means %s', (header, ip) => {
    expect(ipBehind({ forwarded: header })).toBe(ip);
  });

  it('beside X-Forwarded-For is believed only if both name the same client', () => {
    expect(ipBehind({ forwarded: 'for=1.2.3.4', 'x-forwarded-for': '6.6.6.6, 1.2.3.4' })).toBe('1.2.3.4');
    const forged = { forwarded: 'for=6.6.6.6;proto=https;host=evil', 'x-forwarded-for': '1.2.3.4', host: 'own' };
    expect(resolve(1, proxyAddress, forged)).toEqual({ ip: 'unknown', secure: false, host: 'own' });
  });
});

describe('scheme and host', () => {
  const from = '1.2.3.4';

  it.each([
    [{ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'chat.example:8443' }, true, 'chat.example:8443'],
    [{ 'x-forwarded-proto': 'WSS' }, true, 'own'],
    [{ 'x-forwarded-proto': 'gopher' }, false, 'own'],
    [{}, false, 'own'],
    // The client's own claim stands to the left of what the proxy appended.
    [{ 'x-forwarded-proto': 'https, http', 'x-forwarded-host': 'evil, chat.example' }, false, 'chat.example'],
    [{ 'x-forwarded-host': '' }, false, 'own'],
  ])('of %j', (headers, secure, host) => {
    expect(resolve(1, proxyAddress, { host: 'own', 'x-forwarded-for': from, ...headers })).toEqual({
      ip: from,
      secure,
      host,
    });
  });

  it('come from the hop that found the client', () => {
    const chain = { 'x-forwarded-for': '1.2.3.4, 10.0.0.2', 'x-forwarded-proto': 'https, http', host: 'own' };
    expect(resolve(['private'], proxyAddress, chain).secure).toBe(true);
    expect(resolve(['private'], proxyAddress, { ...chain, 'x-forwarded-proto': 'http, https, http' }).secure).toBe(
      true,
    );
    const elements = {
      forwarded: 'for=6.6.6.6;proto=http;host=evil, for=1.2.3.4;proto=https;host=chat, for=10.0.0.2;proto=http',
    };
    expect(resolve(['private'], proxyAddress, { ...elements, host: 'own' })).toEqual({
      ip: '1.2.3.4',
      secure: true,
      host: 'chat',
    });
  });

  it('are told by a proxy that names no client, too', () => {
    expect(resolve(1, proxyAddress, { 'x-forwarded-proto': 'https' })).toEqual({
      ip: proxyAddress,
      secure: true,
      host: undefined,
    });
    expect(resolve(1, proxyAddress, { 'x-forwarded-proto': 'http' }, true).secure).toBe(false);
  });
});

describe('trusted proxies', () => {
  it.each([
    ['loopback', '127.8.8.8', true],
    ['loopback', '::1', true],
    ['loopback', '::ffff:127.0.0.1', true],
    ['loopback', '10.0.0.1', false],
    ['private', '172.31.0.1', true],
    ['private', '172.32.0.1', false],
    ['private', 'fd12::1', true],
    ['linklocal', 'fe80::1%eth0', true],
    ['linklocal', '169.254.1.1', true],
    ['203.0.113.0/24', '203.0.113.9', true],
    ['203.0.113.0/24', '203.0.114.9', false],
    ['203.0.113.7', '203.0.113.7', true],
    ['203.0.113.7', '203.0.113.8', false],
    ['::ffff:203.0.113.7', '203.0.113.7', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
  ])('%s and the peer %s: %s', (entry, peer, trusted) => {
    expect(ipBehind({ 'x-forwarded-for': '1.2.3.4' }, [entry], peer) === '1.2.3.4').toBe(trusted);
  });

  it.each([
    [['loopback', 'private', 'linklocal', '1.2.3.4', '::1', '10.0.0.0/8', '2001:db8::/128']],
    [[]],
    [0],
    [1],
    [32],
  ])('has no problem with %j', (trusted) => {
    expect(proxyProblems(trusted)).toEqual([]);
  });

  it.each([
    -1,
    1.5,
    33,
    Number.NaN,
    Infinity,
    true,
    'loopback',
    null,
    [5],
    ['localhost'],
    ['10.0.0.0/33'],
    ['::/129'],
    ['10.0.0.0/'],
    ['10.0.0.0/8/8'],
    ['10.0.0.0/-1'],
    ['0.0.0.0/0'],
    ['::/0'],
    ['::ffff:10.0.0.0/104'],
    [''],
  ])('names the problem with %j', (trusted) => {
    expect(proxyProblems(trusted)).toHaveLength(1);
    if (Array.isArray(trusted)) expect(proxyProblems(trusted)[0]).toContain(JSON.stringify(trusted[0]));
    // The compiler would stop these; JavaScript and environments do not.
    expect(() => createAddressResolver(trusted as TrustedProxies)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTIONS' }),
    );
  });
});

describe('hostile headers', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    address,
    fc.constantFrom('for=', '"', ',', ';', 'for="[::1]"', 'unknown'),
  );
  const value = fc.option(
    fc.oneof(
      text,
      fc.array(text).map((parts) => parts.join(',')),
    ),
    { nil: undefined },
  );
  const hostile = fc.record({
    'x-forwarded-for': value,
    forwarded: value,
    'x-forwarded-proto': value,
    'x-forwarded-host': value,
    host: value,
  });

  it('never throw', () => {
    fc.assert(
      fc.property(
        hostile,
        fc.option(text, { nil: undefined }),
        fc.integer({ min: 0, max: 4 }),
        (headers, peer, hops) => {
          expect(typeof resolve(hops, peer, headers).ip).toBe('string');
          expect(typeof resolve(['private', 'loopback'], proxyAddress, headers).secure).toBe('boolean');
        },
      ),
    );
  });

  it('change nothing when the peer is not trusted', () => {
    fc.assert(
      fc.property(hostile, fc.boolean(), (headers, encrypted) => {
        expect(resolve(['private', '2001:db8::/32'], '203.0.113.9', headers, encrypted)).toEqual({
          ip: '203.0.113.9',
          secure: encrypted,
          host: headers.host,
        });
      }),
    );
  });

  it('cannot outbid what the trusted proxy appends to X-Forwarded-For', () => {
    fc.assert(
      fc.property(hostile, (headers) => {
        const prefix = headers['x-forwarded-for'] === undefined ? '' : `${headers['x-forwarded-for']}, `;
        const { ip } = resolve(1, proxyAddress, { ...headers, 'x-forwarded-for': `${prefix}203.0.113.9` });
        expect(['203.0.113.9', 'unknown']).toContain(ip);
        expect(resolve(1, proxyAddress, { 'x-forwarded-for': `${prefix}203.0.113.9` }).ip).toBe('203.0.113.9');
      }),
    );
  });

  it('cannot outbid what the trusted proxy appends to Forwarded', () => {
    const appended = fc.constantFrom(
      'for=203.0.113.9',
      'for="203.0.113.9:1"',
      'by="x";for=203.0.113.9',
      'for=203.0.113.9;proto=http;host="h"',
    );
    fc.assert(
      fc.property(hostile, appended, (headers, element) => {
        const prefix = headers.forwarded === undefined ? '' : `${headers.forwarded}, `;
        expect(['203.0.113.9', 'unknown']).toContain(
          resolve(1, proxyAddress, { ...headers, forwarded: prefix + element }).ip,
        );
      }),
    );
  });
});
