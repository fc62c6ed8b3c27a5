import fc from 'fast-check';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { checkUpgradeRequest, negotiateSubprotocol, type Spoken } from '../../src/admission/handshake-check.js';

const proper: IncomingHttpHeaders = {
  host: 'chat.example',
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

function check(headers: IncomingHttpHeaders, method = 'GET') {
  return checkUpgradeRequest({ method, headers: { ...proper, ...headers } });
}

describe('checkUpgradeRequest', () => {
  it.each<IncomingHttpHeaders>([
    {},
    { connection: 'keep-alive, Upgrade' },
    { connection: 'UPGRADE,keep-alive' },
    { upgrade: 'WebSocket' },
    { 'content-length': '0' },
    { host: '[2001:db8::1]:8443' },
    { host: 'my_service:8080' },
  ])('finds %j in order', (headers) => {
    expect(check(headers)).toBeUndefined();
  });

  it.each<[IncomingHttpHeaders, string?]>([
    [{}, 'POST'],
    [{}, 'get'],
    [{ upgrade: undefined }],
    [{ upgrade: 'h2c' }],
    [{ upgrade: 'websocket, h2c' }],
    [{ upgrade: 'websocket\xa0' }],
    [{ upgrade: '\u2003websocket' }],
    [{ 'sec-websocket-version': undefined }],
    [{ 'sec-websocket-version': '8' }],
    [{ 'sec-websocket-version': '13, 13' }],
  ])('answers %j %s with 426', (headers, method) => {
    expect(check(headers, method)).toMatchObject({ code: 'UPGRADE_REQUIRED', status: 426 });
  });

  it.each<IncomingHttpHeaders>([
    { host: undefined },
    { host: '[' },
    { host: 'a b' },
    { host: 'user@chat.example' },
    { host: 'chat.example/x' },
    { host: 'chat.example:port' },
    { connection: undefined },
    { connection: 'keep-alive' },
    { connection: 'upgraded' },
    { 'sec-websocket-key': undefined },
    { 'sec-websocket-key': '' },
    { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ' },
    { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==' },
    { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==\n' },
    { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25j_Q==' },
    { 'transfer-encoding': 'chunked' },
    { 'content-length': '5' },
    { 'content-length': '-0' },
  ])('answers %j with 400', (headers) => {
    expect(check(headers)).toMatchObject({ code: 'BAD_HANDSHAKE', status: 400 });
  });

  it.each(['0.9', '1.0', '1.2', '2.0', '3.0'])('answers HTTP/%s with 400', (httpVersion) => {
    const answer = checkUpgradeRequest({ method: 'GET', headers: proper, httpVersion });
    expect(answer).toMatchObject({ code: 'BAD_HANDSHAKE', status: 400 });
  });

  it('answers a second Host with 400, because a proxy may have gone by the other', () => {
    const rawHeaders = ['Host', 'chat.example', 'X-Name', 'host', 'HOST', 'evil.example'];
    expect(checkUpgradeRequest({ method: 'GET', headers: proper, rawHeaders })).toMatchObject({
      code: 'BAD_HANDSHAKE',
    });
    expect(checkUpgradeRequest({ method: 'GET', headers: proper, rawHeaders: rawHeaders.slice(0, 4) })).toBeUndefined();
  });

  it('never throws', () => {
    const value = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
    const names = fc.constantFrom(
      'upgrade',
      'connection',
      'sec-websocket-key',
      'sec-websocket-version',
      'content-length',
    );
    fc.assert(
      fc.property(fc.dictionary(names, value), (headers) => {
        expect([undefined, 400, 426]).toContain(check(headers)?.status);
      }),
    );
  });
});

describe('negotiateSubprotocol', () => {
  const usual: Spoken = { subprotocols: [], servesSdk: true };
  const own: Spoken = { subprotocols: ['ocpp1.6', 'ocpp2.0.1'], servesSdk: false };

  it.each([
    ['ocpp1.6', 'ocpp1.6'],
    ['ocpp2.0.1, ocpp1.6', 'ocpp2.0.1'],
    ['ocpp9, ocpp1.6', 'ocpp1.6'],
    ['bearer.a.b.c, ocpp1.6', 'ocpp1.6'],
    ['holdfast.plain, ocpp1.6', 'ocpp1.6'],
    ['holdfast.v1.json, ocpp1.6', 'ocpp1.6'],
    ['holdfast.plain', 'holdfast.plain'],
    ['bearer.a.b.c', ''],
    [undefined, ''],
  ])('%j of an application that has its own agrees on %j', (header, subprotocol) => {
    expect(negotiateSubprotocol(header, own)).toEqual({ mode: 'plain', subprotocol });
  });

  it('prefers the SDK where both are served', () => {
    const both = { ...own, servesSdk: true };
    expect(negotiateSubprotocol('ocpp1.6, holdfast.v1.json', both)).toMatchObject({ mode: 'sdk' });
  });

  it('names what a path speaks, and not the SDK where it is not served', () => {
    const answer = JSON.stringify(negotiateSubprotocol('holdfast.v1.json', own));
    expect(answer).toMatch(/ocpp1.6.*ocpp2.0.1.*holdfast.plain/);
    expect(answer).not.toContain('holdfast.v1.json');
  });

  it.each([
    [undefined, 'plain', ''],
    ['holdfast.plain', 'plain', 'holdfast.plain'],
    ['bearer.a.b.c', 'plain', ''],
    ['holdfast.plain, bearer.a.b.c', 'plain', 'holdfast.plain'],
    ['bearer.a.b.c,holdfast.plain', 'plain', 'holdfast.plain'],
    ['holdfast.v1.json', 'sdk', 'holdfast.v1.json'],
    ['bearer.a.b.c, holdfast.v1.json', 'sdk', 'holdfast.v1.json'],
    ['holdfast.plain, holdfast.v1.json', 'sdk', 'holdfast.v1.json'],
    ['graphql-ws, holdfast.plain', 'plain', 'holdfast.plain'],
    ['holdfast.v9.json, holdfast.v1.json', 'sdk', 'holdfast.v1.json'],
  ])('%j is %s with %j', (header, mode, subprotocol) => {
    expect(negotiateSubprotocol(header, usual)).toEqual({ mode, subprotocol });
  });

  it.each(['graphql-ws', 'graphql-ws, bearer.s3cret', 'holdfast.v2.json', 'HOLDFAST.V1.JSON', 'bearer'])(
    'refuses %j, naming what is supported and not what was offered',
    (header) => {
      const answer = negotiateSubprotocol(header, usual);
      expect(answer).toMatchObject({ code: 'SUBPROTOCOL_UNSUPPORTED', status: 400 });
      const text = JSON.stringify(answer);
      expect(text).toContain('holdfast.v1.json');
      expect(text).toContain('holdfast.plain');
      expect(text).not.toMatch(/graphql|s3cret/);
    },
  );

  it.each(['', ' ', ',', 'holdfast.plain,', 'a b', 'a;b', 'bearer.a=', '"a"', 'holdfast.plain, holdfast.plain', 'é'])(
    'refuses the malformed header %j',
    (header) => {
      expect(negotiateSubprotocol(header, usual)).toMatchObject({ code: 'BAD_HANDSHAKE', status: 400 });
    },
  );

  it('never throws and never chooses a token', () => {
    const name = fc.oneof(
      fc.string(),
      fc.string().map((token) => `bearer.${token}`),
      fc.constantFrom('holdfast.plain', 'holdfast.v1.json'),
    );
    fc.assert(
      fc.property(fc.array(name), (offered) => {
        expect(JSON.stringify(negotiateSubprotocol(offered.join(','), usual))).not.toContain('bearer.');
      }),
    );
  });
});
