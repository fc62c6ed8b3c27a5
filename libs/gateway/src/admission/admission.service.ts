import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '@holdfast/protocol';
import type { Span } from '@opentelemetry/api';
import { WebSocketServer } from 'ws';
import { extractToken } from '../auth/token-sources.js';
import { LinkedWebSocket } from '../connection/link.js';
import { labelOf } from '../nest/error-account.js';
import { isThenable } from '../ground/is-thenable.js';
import { runFor } from '../telemetry/message-context.js';
import type { LimitRule } from '../rate-limit/limiter.js';
import type { MemoryLimiter } from '../rate-limit/memory-limiter.js';
import type { Endpoint } from '../gateways/endpoint.js';
import { Session } from '../lifecycle/session.js';
import type { GatewayServices } from '../lifecycle/gateway-services.js';
import { type AddressResolver, addressKey, type ClientAddress } from './client-address.js';
import { newConnectionId } from './connection-id.js';
import type { ConnectionLimits, Lease } from './connection-limits.js';
import { copyOf } from '../ground/copy-of.js';
import type { GatewayGuards } from '../gateways/gateway-guards.js';
import { checkUpgradeRequest, negotiateSubprotocol, type Negotiated } from './handshake-check.js';
import { handshakeFacts, redactRequest } from './handshake-facts.js';
import type { OriginPolicy } from './origin-policy.js';
import { parseTarget, type PathMatcher, type PathMatch, type Target } from './path-matcher.js';
import { clientLeft, PendingHandshakes } from './pending-handshakes.js';
import { type Refusal, refusals, writeRefusal } from './refusal.js';
import { HandshakeRefusal, refusalFor } from './refusal-for.js';
import { RefusedSockets } from './refused-sockets.js';
import type { Upgrade } from './upgrade-listener.js';
import { wsOptions } from './ws-options.js';

/** Whether the application takes connections now. */
export interface Readiness {
  readonly state: 'booting' | 'ready' | 'draining';
}

export interface AdmissionParts {
  readonly services: GatewayServices;
  readonly guards: GatewayGuards;
  readonly readiness: Readiness;
  readonly limits: ConnectionLimits;
  readonly limiter: MemoryLimiter;
  readonly originPolicy: OriginPolicy;
  readonly resolveAddress: AddressResolver;
}

/** An upgrade request on its way through the checks. */
interface Candidate extends Upgrade {
  readonly target: Target;
  readonly match: PathMatch<Endpoint>;
}

/** Why there was no 101, or undefined where there was one. */
type Outcome = Refusal | undefined | Promise<Refusal | undefined>;

/** What booting and draining applications ask clients to wait. */
const retryAfterMs = 2_000;

/** Decides about upgrade requests, cheapest check first (PROTOCOL.md, handshake). Every refusal is an HTTP answer. */
export class AdmissionService {
  readonly #servers = new WeakMap<Endpoint, WebSocketServer>();
  readonly #rule: LimitRule;
  readonly #pending: PendingHandshakes;
  readonly #refused: RefusedSockets;

  constructor(private readonly parts: AdmissionParts) {
    const { wheel, options } = parts.services;
    const { handshakeRate, handshakeTimeoutMs } = options.admission;
    this.#rule = { limit: handshakeRate.limit, windowMs: handshakeRate.windowMs, algorithm: 'sliding-window' };
    this.#pending = new PendingHandshakes(wheel, handshakeTimeoutMs, retryAfterMs);
    this.#refused = new RefusedSockets(wheel);
  }

  /** @returns false for an upgrade that is none of ours while the server has other listeners who may want it. */
  handle(endpoints: PathMatcher<Endpoint>, upgrade: Upgrade): boolean {
    const { request, socket, isShared } = upgrade;
    const target = parseTarget(request.url);
    const match = target && endpoints.match(target.path);
    if (!match && isShared) return false;
    const { state } = this.parts.readiness;
    if (state === 'booting') this.refuse(socket, refusals.notReady(retryAfterMs));
    else if (state === 'draining') this.refuse(socket, refusals.draining(retryAfterMs));
    else if (!target || !match) this.refuse(socket, refusals.pathNotFound());
    // The others hear of it after us, and what they do about it is to be seen first.
    else if (isShared) queueMicrotask(() => this.#consider({ ...upgrade, target, match }));
    else this.#consider({ ...upgrade, target, match });
    return true;
  }

  refuse(socket: Duplex, refusal: Refusal): void {
    this.parts.services.counters.add('refused', labelOf(refusal.code));
    writeRefusal(socket, refusal, this.#refused);
  }

  /** For a peer to which nothing can be said. */
  cut(socket: Duplex, code: ErrorCode): void {
    this.parts.services.counters.add('refused', code);
    socket.destroy();
  }

  /** Guards that have not decided would keep a process that goes away from ending. */
  refusePending(): void {
    this.#pending.refuseAll(refusals.draining(retryAfterMs));
  }

  /** Refused clients that have not closed would keep the server from closing. */
  dispose(): void {
    this.#refused.dispose();
  }

  #consider(candidate: Candidate): void {
    const { tracing } = this.parts.services;
    const { request, socket, match, target } = candidate;
    const { method = 'GET', headers } = request;
    const span = tracing.isEnabled
      ? tracing.handshake(method, match.route, target.path, headerOf(headers['traceparent']))
      : undefined;
    const decided = (refusal: Refusal | undefined): void => {
      if (refusal && candidate.isTaken()) this.#leaveToOthers(match.route);
      else if (refusal) this.refuse(socket, refusal);
      if (span) tracing.decided(span, refusal);
    };
    const outcome = this.#decideSafely(candidate, span);
    if (isThenable(outcome)) void outcome.then(decided);
    else decided(outcome);
  }

  /** What is thrown into the server's event ends the process. */
  #decideSafely(candidate: Candidate, span: Span | undefined): Outcome {
    try {
      return this.#decide(candidate, span);
    } catch (error) {
      return refusalFor(error, this.parts.services.log);
    }
  }

  /** Without a promise where no guard waits for anything, as when a fleet comes back with tokens that are known. */
  #decide(candidate: Candidate, span: Span | undefined): Outcome {
    const { request } = candidate;
    const malformed = checkUpgradeRequest(request);
    if (malformed) return malformed;
    const negotiated = negotiateSubprotocol(request.headers['sec-websocket-protocol']);
    if ('code' in negotiated) return negotiated;
    const { encrypted = false } = request.socket as Partial<TLSSocket>; // Plain sockets have no such field.
    const address = this.parts.resolveAddress(request.socket.remoteAddress, request.headers, encrypted);
    const lease = this.#lease(request, address);
    if ('code' in lease) return lease;
    let session: Session | undefined;
    const failed = (error: unknown): Refusal => {
      lease.release();
      return this.#failed(error, session, span);
    };
    try {
      const admitted = (session = this.#session(candidate, negotiated, address, lease));
      const deciding = this.#guard(admitted, candidate, span);
      if (deciding) return deciding.then(() => this.#upgrade(admitted, candidate)).catch(failed);
      this.#upgrade(admitted, candidate);
      return undefined;
    } catch (error) {
      return failed(error);
    }
  }

  #failed(error: unknown, session: Session | undefined, span: Span | undefined): Refusal {
    const { log, tracing } = this.parts.services;
    session?.abandon();
    const judge = (): Refusal => refusalFor(error, log);
    const refusal = session ? session.inContext(session.handshakeSpan, judge) : judge();
    if (span && refusal.code === 'INTERNAL') tracing.failed(span, refusal.code, error);
    return refusal;
  }

  #lease({ headers }: IncomingMessage, { ip, host, secure }: ClientAddress): Lease | Refusal {
    const { originPolicy, limits, limiter } = this.parts;
    if (!originPolicy(headers.origin, host, secure)) return refusals.originForbidden();
    const key = addressKey(ip);
    const lease = limits.admit(key);
    if ('code' in lease) return lease;
    const verdict = limiter.consume(key, this.#rule);
    if (verdict.allowed) return lease;
    lease.release();
    return refusals.handshakeRateLimited(verdict.retryAfterMs);
  }

  #session(candidate: Candidate, negotiated: Negotiated, address: ClientAddress, lease: Lease): Session {
    const { services } = this.parts;
    const { request, socket, match, target } = candidate;
    const { cookieName, queryParameter } = services.options.auth;
    const { token, reason } = extractToken(request, { cookieName, queryParameter });
    redactRequest(request, queryParameter);
    const session = new Session(services, {
      id: newConnectionId(),
      socket,
      request,
      handshake: handshakeFacts(request, target, match, address, negotiated, queryParameter),
      joinedAt: services.clock.wallNow(),
      endpoint: match.value,
      lease,
    });
    session.connection.credentials = token === undefined ? undefined : copyOf(token);
    session.unusableToken = reason;
    return session;
  }

  /** Plain clients pass the guards before the 101. SDK clients do so with their `$hello`, so that a browser can be told why not. */
  #guard(session: Session, { socket }: Candidate, span: Span | undefined): Promise<void> | undefined {
    const { connection, unusableToken } = session;
    session.handshakeSpan = span?.spanContext();
    if (connection.handshake.mode === 'sdk') return undefined;
    if (unusableToken !== undefined) throw new HandshakeRefusal(refusals.unauthorized(unusableToken));
    const admit = (): Promise<void> | undefined => runFor(connection, () => this.parts.guards.admit(session));
    const deciding = span ? this.parts.services.tracing.inside(span, admit) : admit();
    return deciding && this.#pending.wait(socket, deciding);
  }

  #upgrade(session: Session, candidate: Candidate): undefined {
    const { request, socket, head, match } = candidate;
    const { handshake, principal } = session.connection;
    const refusal =
      (principal && session.lease.bindPrincipal(principal.subject)) ?? this.#changedMind(session, candidate);
    if (refusal) throw new HandshakeRefusal(refusal);
    // The server must not see the token among the subprotocols, and answers with the one that was agreed.
    if (handshake.subprotocol === '') delete request.headers['sec-websocket-protocol'];
    else request.headers['sec-websocket-protocol'] = handshake.subprotocol;
    this.#serverOf(match.value).handleUpgrade(request, socket, head, (ws) => {
      if (ws instanceof LinkedWebSocket) this.parts.services.connector.accepted(session, ws);
    });
    // `ws` has checks of its own, and calls nobody when one fails: the place of this connection would stay taken for ever.
    if (!session.isAttached) throw new HandshakeRefusal(refusals.badHandshake('The request is no WebSocket handshake'));
  }

  /** While guards were at work the application may have begun to drain, or closed the connection, or the peer has left. */
  #changedMind(session: Session, { socket, isTaken }: Candidate): Refusal | undefined {
    if (this.parts.readiness.state !== 'ready') return refusals.draining(retryAfterMs);
    if (session.isEnding) return refusals.forbidden(session.cause?.reason || undefined);
    return isTaken() || !socket.readable || !socket.writable ? clientLeft() : undefined;
  }

  #leaveToOthers(route: string): void {
    this.parts.services.log.warn(
      'upgrade',
      `Another upgrade listener of this HTTP server answered a request for ${route}, which belongs to a gateway. ` +
        'It has to ignore paths that are not its own; a WebSocketServer of ws does so with noServer: true only',
    );
  }

  #serverOf(endpoint: Endpoint): WebSocketServer {
    const existing = this.#servers.get(endpoint);
    if (existing) return existing;
    const { closeTimeoutMs } = this.parts.services.options.lifecycle;
    const server = new WebSocketServer(wsOptions(endpoint.settings, closeTimeoutMs));
    this.#servers.set(endpoint, server);
    // With a listener `ws` leaves the answer to it, and ours is written by whoever asked for the upgrade.
    server.on('wsClientError', () => undefined);
    return server;
  }
}

function headerOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
