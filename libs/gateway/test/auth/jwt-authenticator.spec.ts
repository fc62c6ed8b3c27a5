import fc from 'fast-check';
import { exportSPKI, generateKeyPair, type JWTPayload } from 'jose';
import { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { resolveAuthOptions, type AuthOptions } from '../../src/auth/auth-options.js';
import { JwtAuthenticator } from '../../src/auth/jwt-authenticator.js';
import { ManualClock } from '../support/manual-clock.js';
import { bytes, forge, SECRET, sign } from './support/tokens.js';

const clock = new ManualClock();
const epochSeconds = clock.wallNow() / 1_000;

function jwt(options: Readonly<AuthOptions> = {}, by = new ManualClock()): JwtAuthenticator {
  const keyless = options.publicKey === undefined;
  return new JwtAuthenticator(resolveAuthOptions(keyless ? { secret: SECRET, ...options } : options), by);
}

const unauthorized = (reason: RegExp): object => ({
  name: 'AuthenticationError',
  code: 'UNAUTHORIZED',
  reason: expect.stringMatching(reason) as string,
});
const expired = { name: 'AuthenticationError', code: 'TOKEN_EXPIRED', reason: 'The token has expired' };

describe('JwtAuthenticator', () => {
  it('turns the claims of a token into a principal', async () => {
    const claims = { sub: 'ada', exp: epochSeconds + 60, roles: ['admin'] };
    await expect(jwt().authenticate(await sign(claims))).resolves.toEqual({
      subject: 'ada',
      expiresAt: (epochSeconds + 60) * 1_000,
      claims,
    });
  });

  it('gives a principal without end for a token without exp', async () => {
    const { expiresAt } = await jwt().authenticate(await sign({ sub: 'ada' }));
    expect(expiresAt).toBe(Infinity);
  });

  it('gives a principal that no handler can change for the others', async () => {
    const { claims } = await jwt().authenticate(await sign({ sub: 'ada', roles: ['reader'] }));
    expect(() => (claims.roles as string[]).push('admin')).toThrow(TypeError);
  });

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('verifies %s with a PEM, a KeyObject and a CryptoKey', async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const token = await sign({ sub: 'ada' }, privateKey, alg);
    for (const key of [await exportSPKI(publicKey), KeyObject.from(publicKey), publicKey]) {
      await expect(jwt({ publicKey: key }).authenticate(token)).resolves.toMatchObject({ subject: 'ada' });
    }
  });

  it('verifies with a secret of bytes', async () => {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    await expect(jwt({ secret }).authenticate(await sign({ sub: 'ada' }, secret))).resolves.toMatchObject({
      subject: 'ada',
    });
  });

  it('refuses to be made without a key', () => {
    expect(() => new JwtAuthenticator(resolveAuthOptions({}), clock)).toThrow('one of secret, publicKey and jwksUrl');
  });
});

describe('JwtAuthenticator refuses', () => {
  it('a token signed by somebody else', async () => {
    const token = await sign({ sub: 'ada' }, bytes('another secret of more than 32 characters'));
    await expect(jwt().authenticate(token)).rejects.toMatchObject(unauthorized(/signature/));
  });

  it('HS256 signed with the public key as if it were a secret', async () => {
    const { publicKey } = await generateKeyPair('RS256', { extractable: true });
    const pem = await exportSPKI(publicKey);
    for (const publicKeyText of [pem, pem.trimEnd()]) {
      const token = await sign({ sub: 'ada' }, bytes(publicKeyText));
      await expect(jwt({ publicKey: pem }).authenticate(token)).rejects.toMatchObject(unauthorized(/algorithm/));
    }
  });

  it('alg none in every spelling', async () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      for (const signature of ['', 'AAAA']) {
        const token = forge({ alg, typ: 'JWT' }, { sub: 'ada' }, signature);
        await expect(jwt().authenticate(token)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
      }
    }
  });

  it('an algorithm of the right family that is not allowed', async () => {
    const token = await sign({ sub: 'ada' }, bytes(SECRET.repeat(2)), 'HS512');
    await expect(jwt({ secret: SECRET.repeat(2) }).authenticate(token)).rejects.toMatchObject(
      unauthorized(/algorithm/),
    );
  });

  it('an algorithm that does not fit the key, as bad token rather than as a fault of ours', async () => {
    const { publicKey } = await generateKeyPair('ES256');
    const other = await generateKeyPair('RS256');
    const token = await sign({ sub: 'ada' }, other.privateKey, 'RS256');
    await expect(jwt({ publicKey }).authenticate(token)).rejects.toMatchObject(unauthorized(/signature/));
  });

  it.each<[string, JWTPayload, RegExp]>([
    ['another issuer', { sub: 'ada', iss: 'https://evil.example/', aud: 'chat' }, /issuer/],
    ['no issuer', { sub: 'ada', aud: 'chat' }, /issuer/],
    ['another audience', { sub: 'ada', iss: 'https://id.example/', aud: 'shop' }, /audience/],
    ['no audience', { sub: 'ada', iss: 'https://id.example/' }, /audience/],
    ['no subject', { iss: 'https://id.example/', aud: 'chat' }, /subject/],
    ['an empty subject', { sub: '', iss: 'https://id.example/', aud: 'chat' }, /subject/],
    ['a future nbf', { sub: 'ada', iss: 'https://id.example/', aud: 'chat', nbf: epochSeconds + 60 }, /not valid yet/],
  ])('a token with %s', async (_what, claims, reason) => {
    const authenticator = jwt({ issuer: 'https://id.example/', audience: ['feed', 'chat'] });
    await expect(authenticator.authenticate(await sign(claims))).rejects.toMatchObject(unauthorized(reason));
  });

  it('a subject or an exp that is not what RFC 7519 says', async () => {
    // The signing library keeps to the types, so the claims are put past them.
    const numericSubject = await sign({ sub: 7 } as unknown as JWTPayload);
    const textualExp = await sign({ sub: 'ada', exp: 'tomorrow' } as unknown as JWTPayload);
    await expect(jwt().authenticate(numericSubject)).rejects.toMatchObject(unauthorized(/subject/));
    await expect(jwt().authenticate(textualExp)).rejects.toMatchObject(unauthorized(/claim/));
  });

  it.each(['', 'x', 'a.b.c', '..', 'a.b.c.d.e', '%00', 'é'.repeat(20)])('the malformed token %j', async (token) => {
    await expect(jwt().authenticate(token)).rejects.toMatchObject(unauthorized(/malformed/));
  });

  it('a token of more than 8 KiB without looking at it', async () => {
    const token = await sign({ sub: 'ada', padding: 'x'.repeat(8_192) });
    await expect(jwt().authenticate(token)).rejects.toMatchObject(unauthorized(/longer than 8192 bytes/));
  });

  it('without repeating any of the token to the client', async () => {
    const token = await sign({ sub: 'ada', aud: 'top-secret-audience' });
    const refusal: unknown = await Promise.resolve(jwt({ audience: 'chat' }).authenticate(token)).catch(
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject(unauthorized(/audience/));
    expect(String(refusal)).not.toMatch(/top-secret|ada|eyJ/);
  });
});

describe('JwtAuthenticator and other spellings of a token (RFC 7515 section 2)', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');

  it.each(['HS256', 'HS384', 'HS512'])('refuses padding and other bits behind the signature (%s)', async (alg) => {
    const secret = SECRET.repeat(2);
    const authenticator = jwt({ secret, algorithms: ['HS256', 'HS384', 'HS512'] });
    const token = await sign({ sub: 'ada' }, bytes(secret), alg);
    await expect(authenticator.authenticate(token)).resolves.toMatchObject({ subject: 'ada' });
    const signature = Buffer.from(token.split('.')[2]!, 'base64url');
    const [last] = token.slice(-1);
    const twins = alphabet
      .filter((character) => character !== last)
      .map((character) => token.slice(0, -1) + character)
      .filter((twin) => Buffer.from(twin.split('.')[2]!, 'base64url').equals(signature));
    // One, two or no bytes are left over in the last group of four characters.
    expect(twins.length).toBe({ HS256: 3, HS384: 0, HS512: 15 }[alg]);
    for (const other of [...twins, `${token}=`, `${token}==`, `${token}===`, `${token} `, `${token}\n`]) {
      await expect(authenticator.authenticate(other)).rejects.toMatchObject(unauthorized(/malformed/));
    }
  });

  it('accepts one text alone for each token', async () => {
    const authenticator = jwt();
    const token = await sign({ sub: 'ada', exp: epochSeconds + 60, name: 'Ada Lovelace' });
    await authenticator.authenticate(token);
    const position = fc.nat(token.length);
    const character = fc.constantFrom(...alphabet, '=', '.', '+', '/', '~', '%', ' ');
    await fc.assert(
      fc.asyncProperty(position, fc.nat(2), fc.string({ unit: character, maxLength: 3 }), async (at, cut, put) => {
        const other = token.slice(0, at) + put + token.slice(at + cut);
        if (other === token) return;
        await expect(authenticator.authenticate(other)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('JwtAuthenticator and time', () => {
  it('accepts an expired token within the tolerance and no longer', async () => {
    const time = new ManualClock();
    const token = await sign({ sub: 'ada', exp: epochSeconds + 60 });
    const authenticator = jwt({ clockToleranceMs: 5_000 }, time);
    time.advance(64_999);
    await expect(authenticator.authenticate(token)).resolves.toMatchObject({ subject: 'ada' });
    time.advance(1);
    await expect(authenticator.authenticate(token)).rejects.toMatchObject(expired);
  });

  it('accepts no expired token with a tolerance of 0, remembered or not', async () => {
    const time = new ManualClock();
    const token = await sign({ sub: 'ada', exp: epochSeconds + 60 });
    const authenticator = jwt({ clockToleranceMs: 0 }, time);
    time.advance(59_999);
    await expect(authenticator.authenticate(token)).resolves.toMatchObject({ subject: 'ada' });
    time.advance(1);
    await expect(authenticator.authenticate(token)).rejects.toMatchObject(expired);
  });

  it('says TOKEN_EXPIRED only of tokens that were ever good', async () => {
    const token = await sign(
      { sub: 'ada', exp: epochSeconds - 60 },
      bytes('another secret of more than 32 characters'),
    );
    await expect(jwt().authenticate(token)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });
});

describe('JwtAuthenticator under a reconnect storm', () => {
  it('verifies one token once for a thousand clients', async () => {
    const token = await sign({ sub: 'ada' });
    const authenticator = jwt({ tokenCacheSize: 0 });
    const principals = await Promise.all(Array.from({ length: 1_000 }, async () => authenticator.authenticate(token)));
    // Each verification makes a principal of its own.
    expect(new Set(principals).size).toBe(1);
    await expect(authenticator.authenticate(token)).resolves.not.toBe(principals[0]);
  });

  it('remembers a verified token, and has it at once', async () => {
    const token = await sign({ sub: 'ada' });
    const authenticator = jwt();
    const first = await authenticator.authenticate(token);
    expect(authenticator.authenticate(token)).toBe(first);
  });
});
