import { HttpException, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { AuthGuard } from '../../src/auth/auth.guard.js';
import type { AuthenticatedPeer } from '../../src/auth/authenticated-peer.js';
import { AuthenticationError, AuthenticatorUnavailableError } from '../../src/errors/authentication-error.js';
import { Authenticator } from '../../src/auth/authenticator.js';
import type { Principal } from '../../src/connection/principal.js';
import { Public } from '../../src/auth/public.decorator.js';
import { Verifications } from '../../src/connection/verifications.js';
import type { Handshake } from '../../src/connection/handshake.js';
import { ManualClock } from '../support/manual-clock.js';
import { executionContext } from './support/execution-context.js';
import { handshakeWith } from './support/handshake.js';

class PrivateGateway {
  closed(): void {}

  @Public()
  open(): void {}
}

@Public()
class PublicGateway {
  open(): void {}
}

/** Knows one good token and says otherwise what the token is named after. */
class FakeAuthenticator extends Authenticator {
  readonly handshakes: Handshake[] = [];

  async authenticate(token: string, handshake: Handshake): Promise<Principal> {
    this.handshakes.push(handshake);
    await Promise.resolve();
    if (token === 'good') return ada;
    if (token === 'expired') throw new AuthenticationError('TOKEN_EXPIRED', 'The token has expired');
    if (token === 'later') throw new AuthenticatorUnavailableError('the user store is away');
    if (token === 'bug') throw new TypeError('a bug');
    throw new AuthenticationError('UNAUTHORIZED', 'The token is malformed');
  }
}

const ada: Principal = { subject: 'ada', expiresAt: Infinity, claims: {} };
const clock = new ManualClock();

function setUp(): { guard: AuthGuard; authenticator: FakeAuthenticator } {
  const authenticator = new FakeAuthenticator();
  return {
    authenticator,
    guard: new AuthGuard(authenticator, new Reflector(), clock, { expiryGraceMs: 25_000 }, new Verifications()),
  };
}

function peerWith(facts: Partial<AuthenticatedPeer>): AuthenticatedPeer {
  return { handshake: handshakeWith(), principal: undefined, credentials: undefined, close: () => {}, ...facts };
}

const closed = { gateway: PrivateGateway as Type, handler: PrivateGateway.prototype.closed };
const openMethod = { gateway: PrivateGateway as Type, handler: PrivateGateway.prototype.open };
const openClass = { gateway: PublicGateway as Type, handler: PublicGateway.prototype.open };
const ws = (peer: AuthenticatedPeer, target = closed): Parameters<AuthGuard['canActivate']>[0] =>
  executionContext({ type: 'ws', args: [peer, {}, '$connect'], ...target });

/** The status and body of what the guard throws, at once or later. */
async function refusal(outcome: () => unknown): Promise<object> {
  try {
    await outcome();
  } catch (error) {
    if (error instanceof HttpException) return { status: error.getStatus(), body: error.getResponse() };
    throw error;
  }
  throw new Error('the guard let the client in');
}

const unauthorized = (message: string): object => ({ status: 401, body: { code: 'UNAUTHORIZED', message } });
const expired = { status: 401, body: { code: 'TOKEN_EXPIRED', message: 'The token has expired' } };
const unavailable = {
  status: 503,
  body: { code: 'UNAVAILABLE', message: 'Tokens cannot be verified at the moment' },
};

describe('AuthGuard on a gateway', () => {
  it('verifies the credentials, keeps the principal and forgets the credentials', async () => {
    const { guard, authenticator } = setUp();
    const peer = peerWith({ credentials: 'good' });
    await expect(guard.canActivate(ws(peer))).resolves.toBe(true);
    expect([peer.principal, peer.credentials]).toEqual([ada, undefined]);
    expect(authenticator.handshakes).toEqual([peer.handshake]);
  });

  it('admits an identified peer synchronously without asking again', () => {
    const { guard, authenticator } = setUp();
    expect(guard.canActivate(ws(peerWith({ principal: ada })))).toBe(true);
    expect(authenticator.handshakes).toEqual([]);
  });

  it('admits until the grace after expiry has passed', async () => {
    const { guard } = setUp();
    const ending = (msAgo: number): AuthenticatedPeer =>
      peerWith({ principal: { ...ada, expiresAt: clock.wallNow() - msAgo } });
    expect(guard.canActivate(ws(ending(24_999)))).toBe(true);
    await expect(refusal(() => guard.canActivate(ws(ending(25_000))))).resolves.toEqual(expired);
    await expect(refusal(() => guard.canActivate(ws(ending(NaN))))).resolves.toEqual(expired);
  });

  it('refuses a peer without credentials', async () => {
    const { guard } = setUp();
    await expect(refusal(() => guard.canActivate(ws(peerWith({}))))).resolves.toEqual(
      unauthorized('A token is required'),
    );
  });

  it.each([
    ['bad', unauthorized('The token is malformed')],
    ['expired', expired],
    ['later', unavailable],
  ])('refuses the token %s, on public handlers too', async (credentials, answer) => {
    const { guard } = setUp();
    for (const target of [closed, openMethod, openClass]) {
      const peer = peerWith({ credentials });
      await expect(refusal(() => guard.canActivate(ws(peer, target)))).resolves.toEqual(answer);
      expect(peer.principal).toBeUndefined();
    }
  });

  it('lets nobody in by a bug of the authenticator', async () => {
    const { guard } = setUp();
    await expect(guard.canActivate(ws(peerWith({ credentials: 'bug' }), openClass))).rejects.toThrow('a bug');
  });

  it.each([
    ['method', openMethod],
    ['class', openClass],
  ])('admits strangers to a public %s, and identifies those who can be', async (_what, target) => {
    const { guard } = setUp();
    expect(guard.canActivate(ws(peerWith({}), target))).toBe(true);
    const peer = peerWith({ credentials: 'good' });
    await expect(guard.canActivate(ws(peer, target))).resolves.toBe(true);
    expect(peer.principal).toBe(ada);
  });
});

interface FakeRequest {
  url: string;
  headers: { authorization?: string };
  principal?: Principal;
}

function http(authorization: string | undefined, target = closed) {
  const request: FakeRequest = { url: '/me?a=1', headers: { ...(authorization !== undefined && { authorization }) } };
  const answered = new Map<string, string>();
  const response = { header: (name: string, value: string) => answered.set(name, value) };
  return { request, answered, context: executionContext({ type: 'http', args: [request, response], ...target }) };
}

describe('AuthGuard on an HTTP controller', () => {
  it('verifies the bearer token and puts the principal on the request', async () => {
    const { guard, authenticator } = setUp();
    const { request, context } = http('Bearer good');
    await expect(guard.canActivate(context)).resolves.toBe(true);
    expect(request.principal).toBe(ada);
    expect(authenticator.handshakes).toMatchObject([{ path: '/me', mode: 'plain', headers: request.headers }]);
  });

  it.each([
    [undefined, unauthorized('A token is required')],
    ['Basic YTpi', unauthorized('A token is required')],
    ['Bearer', unauthorized('The token in the authorization is malformed')],
    ['Bearer bad', unauthorized('The token is malformed')],
    ['Bearer expired', expired],
  ])('answers 401 with WWW-Authenticate to Authorization: %s', async (authorization, answer) => {
    const { guard } = setUp();
    const { request, answered, context } = http(authorization);
    await expect(refusal(() => guard.canActivate(context))).resolves.toEqual(answer);
    expect([request.principal, answered.get('WWW-Authenticate')]).toEqual([undefined, 'Bearer']);
  });

  it('answers 503 when tokens cannot be verified', async () => {
    const { guard } = setUp();
    const { answered, context } = http('Bearer later');
    await expect(refusal(() => guard.canActivate(context))).resolves.toEqual(unavailable);
    expect(answered.size).toBe(0);
  });

  it('respects @Public(), but refuses a bad token there too', async () => {
    const { guard } = setUp();
    await expect(guard.canActivate(http(undefined, openMethod).context)).resolves.toBe(true);
    await expect(refusal(() => guard.canActivate(http('Bearer', openMethod).context))).resolves.toMatchObject({
      status: 401,
    });
    await expect(refusal(() => guard.canActivate(http('Bearer bad', openClass).context))).resolves.toMatchObject({
      status: 401,
    });
  });
});

describe('AuthGuard elsewhere', () => {
  it('explains that it knows no such handler', () => {
    const { guard } = setUp();
    const context = executionContext({ type: 'rpc', args: [{}, {}], ...openClass });
    expect(() => guard.canActivate(context)).toThrow(
      'AuthGuard knows WebSocket and HTTP handlers, but this is a handler for "rpc"',
    );
  });
});
