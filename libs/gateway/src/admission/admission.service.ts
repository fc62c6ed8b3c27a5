import type { Duplex } from 'node:stream';
import type { ErrorCode } from '@holdfast/protocol';
import type { Span } from '@opentelemetry/api';
import type { WebSocketServer } from 'ws';
import { type BoundedLog, isThenable, type TimerWheel } from '../ground/index.js';
import { LinkedWebSocket } from '../connection/index.js';
import { labelOf } from '../nest/index.js';
import type { Counters, Tracing } from '../telemetry/index.js';
import type { Arrival, Destination, Reception } from './arrival.js';
import type { ArrivalFactory } from './arrival-factory.js';
import { describeRefusal } from './describe-refusal.js';
import type { HandshakeTurns } from './handshake-turns.js';
import { parseTarget, type PathMatch, type PathMatcher, type Target } from './path-matcher.js';
import { clientLeft, PendingHandshakes } from './pending-handshakes.js';
import type { Readiness } from './readiness.service.js';
import { isRefusal, type Refusal, refusals, writeRefusal } from './refusal.js';
import { HandshakeRefusal, refusalFor } from './refusal-for.js';
import { RefusedSockets } from './refused-sockets.js';
import type { Passed, UpgradeChecks } from './upgrade-checks.js';
import type { Upgrade } from './upgrade-listener.js';
import type { WsServers } from './ws-servers.js';

export interface AdmissionParts<D extends Destination> {
  readonly checks: UpgradeChecks;
  readonly turns: HandshakeTurns;
  readonly arrivals: ArrivalFactory;
  readonly servers: WsServers;
  readonly reception: Reception<D>;
  readonly readiness: Readiness;
  readonly counters: Counters;
  readonly tracing: Tracing;
  readonly log: BoundedLog;
  readonly wheel: TimerWheel;
  /** What guards may take to decide, and a handshake to have its turn. */
  readonly handshakeTimeoutMs: number;
}

/** An upgrade request on its way through the checks. */
interface Candidate<D> extends Upgrade {
  readonly target: Target;
  readonly match: PathMatch<D>;
}

/** Why there was no 101, or undefined where there was one. */
type Outcome = Refusal | undefined | Promise<Refusal | undefined>;

/** What booting and draining applications ask clients to wait. */
const retryAfterMs = 2_000;

/**
 * Decides about upgrade requests, cheapest check first, in the order of PROTOCOL.md 2.1. Checks return a {@link
 * Refusal}; guards throw, and what they throw becomes one. Every refusal is an HTTP answer.
 */
export class AdmissionService<D extends Destination = Destination> {
  readonly #pending: PendingHandshakes;
  readonly #refused: RefusedSockets;

  constructor(private readonly parts: AdmissionParts<D>) {
    this.#pending = new PendingHandshakes(parts.wheel, parts.handshakeTimeoutMs, retryAfterMs);
    this.#refused = new RefusedSockets(parts.wheel);
  }

  /** @returns false for an upgrade that is none of ours while the server has other listeners who may want it. */
  handle(destinations: PathMatcher<D>, upgrade: Upgrade): boolean {
    const { request, isShared } = upgrade;
    const target = parseTarget(request.url);
    const match = target && destinations.match(target.path);
    if (!match && isShared) return false;
    const { state } = this.parts.readiness;
    if (state === 'booting') this.#reject(upgrade, refusals.notReady(retryAfterMs));
    else if (state === 'draining') this.#reject(upgrade, refusals.draining(retryAfterMs));
    else if (!target || !match) this.#reject(upgrade, refusals.pathNotFound());
    // The others hear of it after us, and what they do about it is to be seen first.
    else if (isShared) queueMicrotask(() => this.#consider({ ...upgrade, target, match }));
    else this.#consider({ ...upgrade, target, match });
    return true;
  }

  refuse(socket: Duplex, refusal: Refusal): void {
    this.parts.counters.add('refused', labelOf(refusal.code));
    writeRefusal(socket, refusal, this.#refused);
  }

  /** Refuses with a line in the log, which answers the question why a client cannot connect. */
  #reject({ request, socket }: Upgrade, refusal: Refusal): void {
    this.parts.log.warn(`refused:${labelOf(refusal.code)}`, () => describeRefusal(request, refusal));
    this.refuse(socket, refusal);
  }

  /** For a peer to which nothing can be sent. */
  cut(socket: Duplex, code: ErrorCode): void {
    this.parts.counters.add('refused', code);
    socket.destroy();
  }

  /** Guards that have not decided would keep a process that shuts down from ending. */
  refusePending(): void {
    this.#pending.refuseAll(refusals.draining(retryAfterMs));
  }

  /** Refused clients that have not closed would keep the server from closing. */
  dispose(): void {
    this.#refused.dispose();
  }

  #consider(candidate: Candidate<D>): void {
    const { tracing } = this.parts;
    const { request, match, target } = candidate;
    const { method = 'GET', headers } = request;
    const span = tracing.isEnabled
      ? tracing.handshake(method, match.route, target.path, headerOf(headers['traceparent']))
      : undefined;
    const decided = (refusal: Refusal | undefined): void => {
      if (refusal && candidate.isTaken()) this.#leaveToOthers(match.route);
      else if (refusal) this.#reject(candidate, refusal);
      if (span) tracing.decided(span, refusal);
    };
    const outcome = this.#decideSafely(candidate, span);
    if (isThenable(outcome)) void outcome.then(decided);
    else decided(outcome);
  }

  /** What is thrown into the server's event ends the process. */
  #decideSafely(candidate: Candidate<D>, span: Span | undefined): Outcome {
    try {
      return this.#decide(candidate, span);
    } catch (error) {
      return refusalFor(error, this.parts.log);
    }
  }

  #decide(candidate: Candidate<D>, span: Span | undefined): Outcome {
    const passed = this.parts.checks.pass(candidate.request, candidate.match.value);
    if (isRefusal(passed)) return passed;
    const turn = this.parts.turns.take();
    if (turn === undefined) return this.#admit(candidate, passed, span);
    if (!isRefusal(turn)) return this.#afterTurn(turn, candidate, passed, span);
    passed.lease.release();
    return turn;
  }

  async #afterTurn(
    turn: Promise<void>,
    candidate: Candidate<D>,
    passed: Passed,
    span: Span | undefined,
  ): Promise<Refusal | undefined> {
    try {
      await this.#pending.wait(candidate.socket, turn);
    } catch (error) {
      passed.lease.release();
      return refusalFor(error, this.parts.log);
    }
    return this.#admit(candidate, passed, span);
  }

  /** Without a promise where no guard waits for anything, as when a fleet reconnects with tokens that are known. */
  #admit(candidate: Candidate<D>, passed: Passed, span: Span | undefined): Outcome {
    let arrival: Arrival<D> | undefined;
    const failed = (error: unknown): Refusal => {
      passed.lease.release();
      return this.#failed(error, arrival, span);
    };
    try {
      const admitted = (arrival = this.parts.arrivals.create(candidate, passed, span));
      const deciding = this.#guard(admitted, candidate, span);
      if (deciding) return deciding.then(() => this.#upgrade(admitted, candidate)).catch(failed);
      this.#upgrade(admitted, candidate);
      return undefined;
    } catch (error) {
      return failed(error);
    }
  }

  #failed(error: unknown, arrival: Arrival<D> | undefined, span: Span | undefined): Refusal {
    const { log, tracing } = this.parts;
    arrival?.link.abandon();
    const judge = (): Refusal => refusalFor(error, log);
    const refusal = arrival ? tracing.inContextOf(arrival.link, judge) : judge();
    if (span && refusal.code === 'INTERNAL') tracing.failed(span, refusal.code, error);
    return refusal;
  }

  /**
   * Plain clients pass the guards before the 101. SDK clients do so with their `$hello`, so that a browser can be told
   * why not.
   */
  #guard(arrival: Arrival<D>, { socket }: Candidate<D>, span: Span | undefined): Promise<void> | undefined {
    const { link, destination, unusableToken } = arrival;
    if (link.connection.handshake.mode === 'sdk') return undefined;
    if (unusableToken !== undefined) throw new HandshakeRefusal(refusals.unauthorized(unusableToken));
    const admit = (): Promise<void> | undefined => destination.admit(arrival);
    const deciding = this.parts.tracing.ofHandshake(link.connection, span, admit);
    return deciding && this.#pending.wait(socket, deciding);
  }

  #upgrade(arrival: Arrival<D>, candidate: Candidate<D>): undefined {
    const { request, socket, head, match } = candidate;
    const { link } = arrival;
    const { handshake, principal } = link.connection;
    if (principal && !link.lease.bindPrincipal(principal.subject)) {
      throw new HandshakeRefusal(refusals.tooManyConnectionsPerPrincipal());
    }
    const refusal = this.#changedMind(arrival, candidate);
    if (refusal) throw new HandshakeRefusal(refusal);
    // The server must not see the token among the subprotocols, and answers with the one that was agreed.
    if (handshake.subprotocol === '') delete request.headers['sec-websocket-protocol'];
    else request.headers['sec-websocket-protocol'] = handshake.subprotocol;
    this.#serverOf(match.value).handleUpgrade(request, socket, head, (ws) => {
      if (ws instanceof LinkedWebSocket) this.parts.reception.receive(arrival, ws);
    });
    // `ws` has checks of its own, and calls nobody when one fails: the place of this connection would stay taken for
    // ever.
    if (link.phase === 'handshake') {
      throw new HandshakeRefusal(refusals.badHandshake('The request is no WebSocket handshake'));
    }
  }

  #serverOf({ settings }: D): WebSocketServer {
    return this.parts.servers.of(settings);
  }

  /**
   * While guards were at work the application may have begun to drain, or closed the connection, or the peer has left.
   */
  #changedMind({ link }: Arrival<D>, { socket, isTaken }: Candidate<D>): Refusal | undefined {
    if (this.parts.readiness.state !== 'ready') return refusals.draining(retryAfterMs);
    if (link.isEnding) return refusals.forbidden(link.cause?.reason || undefined);
    return isTaken() || !socket.readable || !socket.writable ? clientLeft() : undefined;
  }

  #leaveToOthers(route: string): void {
    this.parts.log.warn(
      'upgrade',
      () =>
        `Another upgrade listener of this HTTP server answered a request for ${route}, which belongs to a gateway. ` +
        'It has to ignore paths that are not its own; a WebSocketServer of ws does so with noServer: true only',
    );
  }
}

function headerOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
