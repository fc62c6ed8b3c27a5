import type { ServerResponse } from 'node:http';
import { createGzip } from 'node:zlib';
import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { resolveAuthOptions, type AuthOptions } from '../../src/auth/auth-options.js';
import { JwtAuthenticator } from '../../src/auth/jwt-authenticator.js';
import { ManualClock } from '../support/manual-clock.js';
import { JwksServer, signingKey } from './support/jwks-server.js';

const [first, second] = await Promise.all([signingKey('first'), signingKey('second')]);
const unavailable = { name: 'AuthenticatorUnavailableError', code: 'UNAVAILABLE' };

let jwks: JwksServer;
let clock: ManualClock;

beforeEach(async () => {
  jwks = await JwksServer.start();
  clock = new ManualClock();
  jwks.publish(first);
});

afterEach(() => jwks.stop());

// Each failure is logged; what is logged is looked at where it matters.
const logged: string[] = [];
beforeAll(() => {
  Logger.overrideLogger({
    log: () => {},
    warn: () => {},
    error: (...words: unknown[]) => logged.push(words.join(' ')),
  });
});
beforeEach(() => (logged.length = 0));
afterAll(() => {
  Logger.overrideLogger(['log', 'error', 'warn', 'debug']);
});

function authenticator(options: Readonly<AuthOptions> = {}): JwtAuthenticator {
  return new JwtAuthenticator(resolveAuthOptions({ jwksUrl: jwks.url, ...options }), clock);
}

describe('JwtAuthenticator with a JWKS endpoint', () => {
  it('fetches the keys once for many clients with different tokens', async () => {
    const jwt = authenticator();
    const tokens = await Promise.all(Array.from({ length: 100 }, (_, index) => first.sign({ sub: `user-${index}` })));
    const principals = await Promise.all(tokens.map(async (token) => jwt.authenticate(token)));
    expect(principals.map(({ subject }) => subject)).toEqual(tokens.map((_, index) => `user-${index}`));
    expect(jwks.requests).toBe(1);
  });

  it('follows a rotation, and the endpoint going down afterwards, without refusing anybody it knows', async () => {
    const jwt = authenticator();
    await jwt.authenticate(await first.sign({ sub: 'ada' }));

    jwks.publish(first, second);
    clock.advance(30_000);
    await expect(jwt.authenticate(await second.sign({ sub: 'bob' }))).resolves.toMatchObject({ subject: 'bob' });
    expect(jwks.requests).toBe(2);

    jwks.broken = { status: 500, body: 'down' };
    clock.advance(30_000);
    await expect(jwt.authenticate(await first.sign({ sub: 'eve' }))).resolves.toMatchObject({ subject: 'eve' });
    expect(jwks.requests).toBe(2);
  });

  it('asks for an unknown key once per cooldown, however many strangers name one', async () => {
    const jwt = authenticator();
    await jwt.authenticate(await first.sign({ sub: 'ada' }));
    const tokens = await Promise.all(
      Array.from({ length: 50 }, (_, index) => second.sign({ sub: `stranger-${index}` })),
    );

    for (const token of tokens) await expect(jwt.authenticate(token)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(jwks.requests).toBe(1);

    clock.advance(30_000);
    for (const token of tokens) await expect(jwt.authenticate(token)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(jwks.requests).toBe(2);
  });

  it('stops trusting a withdrawn key, also for tokens it remembers', async () => {
    const jwt = authenticator({ jwksCacheMs: 60_000 });
    const token = await first.sign({ sub: 'ada' });
    await jwt.authenticate(token);

    jwks.publish(second);
    clock.advance(59_999);
    expect(jwt.authenticate(token)).toMatchObject({ subject: 'ada' });
    clock.advance(1);
    await expect(jwt.authenticate(token)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it.each([
    ['an error', { status: 500, body: 'down' }],
    ['a redirect', { status: 302, body: '' }],
    ['no JSON', { status: 200, body: '<html>' }],
    ['JSON that is no key set', { status: 200, body: '{"keys":7}' }],
  ])('says unavailable, not unauthorized, when the endpoint answers %s', async (_what, broken) => {
    jwks.broken = broken;
    await expect(authenticator().authenticate(await first.sign({ sub: 'ada' }))).rejects.toMatchObject(unavailable);
  });

  it('says unavailable when nobody listens there', async () => {
    const jwt = authenticator();
    await jwks.stop();
    await expect(jwt.authenticate(await first.sign({ sub: 'ada' }))).rejects.toMatchObject(unavailable);
    jwks = await JwksServer.start();
  });

  it('says unavailable of a key it does not know while the endpoint is down, and recovers', async () => {
    const jwt = authenticator();
    await jwt.authenticate(await first.sign({ sub: 'ada' }));
    const token = await second.sign({ sub: 'bob' });

    jwks.broken = { status: 503, body: '' };
    clock.advance(30_000);
    await expect(jwt.authenticate(token)).rejects.toMatchObject(unavailable);

    jwks.broken = undefined;
    jwks.publish(first, second);
    clock.advance(1_000);
    await expect(jwt.authenticate(token)).resolves.toMatchObject({ subject: 'bob' });
  });

  it('asks a failing endpoint at most once a second', async () => {
    const jwt = authenticator();
    jwks.broken = { status: 500, body: '' };
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, index) => first.sign({ sub: `user-${index}` })));

    for (const token of tokens) await expect(jwt.authenticate(token)).rejects.toMatchObject(unavailable);
    expect(jwks.requests).toBe(1);
    clock.advance(1_000);
    for (const token of tokens) await expect(jwt.authenticate(token)).rejects.toMatchObject(unavailable);
    expect(jwks.requests).toBe(2);
  });
});

/** Writes for as long as somebody reads, up to 100 MB, and counts what has left. */
class Flood {
  written = 0;
  #over!: () => void;
  readonly over = new Promise<void>((resolve) => (this.#over = resolve));

  pour(response: ServerResponse): void {
    const chunk = Buffer.alloc(65_536, ' ');
    response.on('close', this.#over);
    const more = (): void => {
      while (this.written < 100_000_000 && !response.destroyed) {
        this.written += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  }
}

describe('JwtAuthenticator with a JWKS endpoint that answers more than a key set', () => {
  const tooLarge = { ...unavailable, cause: { name: 'JwksTooLargeError', code: 'JWKS_TOO_LARGE' } };

  it('accepts one of 256 KiB, and says unavailable of one byte more', async () => {
    const keys = JSON.stringify({ keys: [first.publicJwk] });
    jwks.broken = { status: 200, body: keys.padEnd(262_144) };
    const token = await first.sign({ sub: 'ada' });
    await expect(authenticator().authenticate(token)).resolves.toMatchObject({ subject: 'ada' });
    jwks.broken = { status: 200, body: keys.padEnd(262_145) };
    await expect(authenticator().authenticate(token)).rejects.toMatchObject(tooLarge);
    expect(logged.join()).toMatch(/auth\.jwksUrl.*JwksTooLargeError.*262,144 bytes/s);
  });

  it.each([200, 500])('does not read 100 MB of status %i', async (status) => {
    const flood = new Flood();
    jwks.hostile = (response) => {
      response.statusCode = status;
      flood.pour(response);
    };
    await expect(authenticator().authenticate(await first.sign({ sub: 'ada' }))).rejects.toMatchObject(unavailable);
    await flood.over;
    // What the buffers of both ends hold.
    expect(flood.written).toBeLessThan(20_000_000);
  });

  it('does not unfold 100 MB that were compressed', async () => {
    jwks.hostile = (response) => {
      response.setHeader('Content-Encoding', 'gzip');
      const gzip = createGzip();
      gzip.pipe(response);
      for (let megabyte = 0; megabyte < 100; megabyte++) gzip.write(Buffer.alloc(1_000_000, ' '));
      gzip.end();
    };
    await expect(authenticator().authenticate(await first.sign({ sub: 'ada' }))).rejects.toMatchObject(tooLarge);
  });

  it.each([
    ['headers', (): void => {}],
    ['the rest of the body', (response: ServerResponse): void => void response.write('{')],
  ])('waits no longer than jwksTimeoutMs for %s', async (_what, hang) => {
    jwks.hostile = hang;
    const jwt = authenticator({ jwksTimeoutMs: 50 });
    const timedOut = { ...unavailable, cause: { code: 'ERR_JWKS_TIMEOUT' } };
    await expect(jwt.authenticate(await first.sign({ sub: 'ada' }))).rejects.toMatchObject(timedOut);
  });
});
