import {
  ForbiddenException,
  Inject,
  Injectable,
  ServiceUnavailableException,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { type Handshake, type Principal, Verifications } from '../connection/index.js';
import { type Clock, HOLDFAST_CLOCK, isThenable } from '../ground/index.js';
import { HOLDFAST_AUTH_OPTIONS } from './auth.tokens.js';
import type { ResolvedAuthOptions } from './auth-options.js';
import type { AuthenticatedPeer } from './authenticated-peer.js';
import { AuthenticationError, AuthenticatorUnavailableError } from '../errors/index.js';
import { Authenticator } from './authenticator.js';
import { handshakeOfRequest, type HttpRequest } from './http-handshake.js';
import { isPublic } from './public.decorator.js';
import { extractToken } from './token-sources.js';

/** Where `@Principal()` looks in an HTTP handler. */
type IdentifiedRequest = HttpRequest & { principal?: Principal };

/** Both Express and Fastify set a response header by this method. */
interface HttpResponse {
  header(name: string, value: string): unknown;
}

/**
 * Admits identified clients only. On a gateway it runs at the upgrade, where it verifies the token the client
 * presented, and again for each message, where it only looks whether the identity has expired. On an HTTP controller
 * it verifies `Authorization: Bearer` per request. {@link Public} admits clients without a token.
 *
 * Throws UnauthorizedException with `{ code: 'UNAUTHORIZED' | 'TOKEN_EXPIRED', message }`, or
 * ServiceUnavailableException with `{ code: 'UNAVAILABLE', message }` when tokens cannot be verified now.
 *
 * @publicApi
 */
@Injectable()
export class AuthGuard implements CanActivate {
  /** @internal Nest creates it. */
  constructor(
    private readonly authenticator: Authenticator,
    private readonly reflector: Reflector,
    @Inject(HOLDFAST_CLOCK) private readonly clock: Clock,
    @Inject(HOLDFAST_AUTH_OPTIONS) private readonly options: Pick<ResolvedAuthOptions, 'expiryGraceMs'>,
    private readonly verifications: Verifications,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const type: string = context.getType();
    if (type === 'ws') return this.#admitPeer(context);
    if (type === 'http') return this.#admitRequest(context);
    throw new Error(`AuthGuard knows WebSocket and HTTP handlers, but this is a handler for "${type}"`);
  }

  #admitPeer(context: ExecutionContext): boolean | Promise<boolean> {
    const peer = context.switchToWs().getClient<AuthenticatedPeer>();
    if (peer.principal !== undefined) {
      if (this.clock.wallNow() < peer.principal.expiresAt + this.options.expiryGraceMs) return true;
      throw refusal('TOKEN_EXPIRED', 'The token has expired');
    }
    if (peer.credentials !== undefined) return this.#identify(peer, peer.credentials);
    if (isPublic(this.reflector, context)) return true;
    throw refusal('UNAUTHORIZED', 'A token is required');
  }

  #identify(peer: AuthenticatedPeer, token: string): boolean | Promise<boolean> {
    const identified = (principal: Principal): boolean => {
      peer.principal = principal;
      peer.credentials = undefined;
      return true;
    };
    const principal = this.#verify(token, peer.handshake);
    return isThenable(principal) ? this.#identifyLater(peer, principal, identified) : identified(principal);
  }

  /** Access that is withdrawn while nobody knows yet whose it is must not be given when that is known. */
  async #identifyLater(
    peer: AuthenticatedPeer,
    pending: Promise<Principal>,
    identified: (principal: Principal) => boolean,
  ): Promise<boolean> {
    const verification = this.verifications.begin(peer);
    try {
      const principal = await pending;
      const withdrawn = verification.withdrawnFrom(principal.subject);
      if (withdrawn !== undefined) throw new ForbiddenException({ code: 'FORBIDDEN', message: withdrawn });
      return identified(principal);
    } finally {
      verification.end();
    }
  }

  async #admitRequest(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<IdentifiedRequest>();
    const { token, reason } = extractToken({ headers: { authorization: request.headers.authorization } }, {});
    try {
      if (reason !== undefined) throw refusal('UNAUTHORIZED', reason);
      if (token !== undefined) request.principal = await this.#verify(token, handshakeOfRequest(request));
      else if (!isPublic(this.reflector, context)) throw refusal('UNAUTHORIZED', 'A token is required');
      return true;
    } catch (error) {
      // RFC 9110 section 15.5.2 requires it on every 401, and an exception cannot carry a header.
      if (error instanceof UnauthorizedException) http.getResponse<HttpResponse>().header('WWW-Authenticate', 'Bearer');
      throw error;
    }
  }

  #verify(token: string, handshake: Handshake): Principal | Promise<Principal> {
    try {
      const principal = this.authenticator.authenticate(token, handshake);
      return isThenable(principal) ? Promise.resolve(principal).catch(rethrow) : principal;
    } catch (error) {
      return rethrow(error);
    }
  }
}

/** @throws what Nest can answer, in place of what the authenticator threw. */
function rethrow(error: unknown): never {
  if (error instanceof AuthenticationError) throw refusal(error.code, error.reason, error);
  if (error instanceof AuthenticatorUnavailableError) {
    const message = 'Tokens cannot be verified at the moment';
    throw new ServiceUnavailableException({ code: error.code, message }, { cause: error });
  }
  throw error;
}

function refusal(code: AuthenticationError['code'], message: string, cause?: Error): UnauthorizedException {
  return new UnauthorizedException({ code, message }, { cause });
}
