import type { SpanContext } from '@opentelemetry/api';
import { CloseCode, ReservedEvent } from '@holdfast/protocol';
import type { GatewayGuards } from '../gateways/gateway-guards.js';
import type { LinkedWebSocket } from '../connection/link.js';
import { accountFor, labelOf } from '../nest/error-account.js';
import { HoldfastException } from '../errors/holdfast.exception.js';
import { Deadline } from '../ground/deadline.js';
import { ConnectHooks } from '../gateways/connect-hooks.js';
import { inTime } from '../ground/in-time.js';
import type { Session } from './session.js';

/** Codes that say "not with these rights" rather than "we failed". */
const closeCodeOf: Readonly<Record<string, number>> = {
  UNAUTHORIZED: CloseCode.UNAUTHORIZED,
  TOKEN_EXPIRED: CloseCode.UNAUTHORIZED,
  FORBIDDEN: CloseCode.FORBIDDEN,
  TOO_MANY_CONNECTIONS_PER_PRINCIPAL: CloseCode.RATE_LIMIT_ABUSE,
  UNAVAILABLE: CloseCode.TRY_AGAIN_LATER,
  HANDLER_TIMEOUT: CloseCode.CONNECT_TIMEOUT,
};

/** Leads a connection from its 101 to its first message, and from its end to the last hook. */
export class Connector {
  constructor(private readonly guards: GatewayGuards) {}

  /** The socket is upgraded. Plain clients have passed the guards; SDK clients say who they are now. */
  accepted(session: Session, ws: LinkedWebSocket): void {
    const { registry, census, options } = session.services;
    session.attach(ws);
    census.joined(session.endpoint.route);
    registry.add(session.connection);
    // A listener of the registry may have closed it.
    if (session.isEnding) return;
    if (session.isWelcome) this.#admitted(session);
    else session.after(this.#helloDeadline(session), options.lifecycle.helloTimeoutMs);
  }

  /** `$hello` has arrived. */
  async greeted(session: Session, token: string | undefined): Promise<void> {
    const { connection, services, endpoint } = session;
    session.greeted = true;
    try {
      if (token !== undefined) connection.credentials = token;
      // Falling back to being nobody would let a client in as somebody else than it said it was (PROTOCOL.md 2.5).
      else if (session.unusableToken !== undefined) throw new HoldfastException('UNAUTHORIZED', session.unusableToken);
      const deciding = session.inContext(session.handshakeSpan, () => this.guards.admit(session));
      if (deciding)
        await inTime(
          services.wheel,
          services.options.admission.handshakeTimeoutMs,
          deciding,
          () => new HoldfastException('HANDLER_TIMEOUT', 'It was not decided in time whether to admit the client'),
        );
      this.#leaseFor(session);
    } catch (error) {
      this.#reject(session, error);
      return;
    }
    if (session.isEnding) return;
    session.isWelcome = true;
    session.send(
      {
        event: ReservedEvent.welcome,
        data: {
          connectionId: connection.id,
          heartbeat: services.heartbeat.announcement,
          limits: { maxPayloadBytes: endpoint.settings.maxPayloadBytes },
        },
      },
      'control',
    );
    this.#admitted(session);
  }

  /** The connection has ended: nothing remembers it but the application's hooks, which run now. */
  ended(session: Session): void {
    const { registry, counters, goodbyes } = session.services;
    counters.add('closed', session.cause?.name ?? 'UNKNOWN');
    const span = traceSafely(session);
    session.endpoint.left(session.connection);
    registry.remove(session.connection, session.endpoint.gatewayTypes);
    const { connectHooks } = session;
    if (!connectHooks) this.#disconnected(session, span);
    // What a connection hook sets up after its awaits would otherwise never be taken down by the disconnect hook.
    else
      goodbyes.add(
        connectHooks.settled.then(() => {
          this.#disconnected(session, span);
        }),
      );
  }

  #disconnected(session: Session, span: SpanContext | undefined): void {
    session.inContext(span, () => {
      for (const callback of session.disconnectCallbacks ?? []) {
        try {
          callback(session.cause?.reason ?? '');
        } catch (error) {
          session.services.log.error('hook', 'A disconnect hook failed', error);
        }
      }
    });
  }

  /** The guards have let it in. Before, it is no connection of any gateway, and hears nothing but the protocol. */
  #admitted(session: Session): void {
    const { connection, endpoint, services } = session;
    services.counters.add('admitted', connection.handshake.mode);
    endpoint.joined(connection);
    services.registry.admitted(connection, endpoint.gatewayTypes);
    services.heartbeat.watch(session);
    if (endpoint.isDirect) this.#openSafely(session);
    else void this.#connect(session);
  }

  async #connect(session: Session): Promise<void> {
    const { endpoint, connection, request } = session;
    const hooks = this.#hooksOf(session);
    try {
      session.inContext(session.handshakeSpan, () => {
        if (request) for (const callback of endpoint.connectCallbacks) callback(connection, request);
      });
      await hooks.done;
    } catch (error) {
      this.#reject(session, error);
      return;
    } finally {
      session.request = undefined;
    }
    if (!session.isEnding) this.#openSafely(session);
  }

  /** What an authenticator of the application gave is looked at here, and what that throws would end the process. */
  #openSafely(session: Session): void {
    try {
      this.#open(session);
    } catch (error) {
      this.#reject(session, error);
    }
  }

  #open(session: Session): void {
    session.settle();
    session.opened();
    session.services.expiry.watch(session);
    session.inbox.release();
  }

  /** The deadline is not one of the session's: disconnect hooks wait for these hooks also when the client has left. */
  #hooksOf(session: Session): ConnectHooks {
    const { endpoint, services } = session;
    const hooks = new ConnectHooks(endpoint.gateways.filter(({ hasConnectionHook }) => hasConnectionHook).length);
    const deadline = new Deadline(() => {
      hooks.giveUp(new HoldfastException('HANDLER_TIMEOUT', 'The connection could not be set up in time'));
    });
    services.wheel.schedule(deadline, services.options.lifecycle.connectTimeoutMs);
    session.connectHooks = hooks;
    void hooks.settled.then(() => {
      services.wheel.cancel(deadline);
      session.connectHooks = undefined;
    });
    return hooks;
  }

  #reject(session: Session, error: unknown): void {
    const { data, isFault } = accountFor(error);
    session.services.counters.add('error', labelOf(data.code));
    if (isFault) {
      session.inContext(session.handshakeSpan, () => {
        session.services.log.error('connect', 'A connection could not be set up', error);
      });
    }
    session.answer({ event: ReservedEvent.error, data }, undefined);
    session.close(closeCodeOf[data.code] ?? CloseCode.CONNECT_FAILED, data.message);
  }

  #leaseFor({ connection, lease }: Session): void {
    const refusal = connection.principal && lease.bindPrincipal(connection.principal.subject);
    if (refusal) throw new HoldfastException('TOO_MANY_CONNECTIONS_PER_PRINCIPAL', refusal.message);
  }

  #helloDeadline(session: Session): Deadline {
    return new Deadline(() => {
      if (!session.greeted) session.close(CloseCode.HELLO_TIMEOUT, 'no $hello in time');
    });
  }
}

/** What an SDK and its processors make of a span is the application's, and must not keep an ended connection from being forgotten. */
function traceSafely(session: Session): SpanContext | undefined {
  try {
    return traceClose(session);
  } catch (error) {
    session.services.log.error('tracing', 'The end of a connection could not be traced', error);
    return undefined;
  }
}

/** @returns the span of the end, for the disconnect hooks to be inside of; they may come later than it ends. */
function traceClose(session: Session): SpanContext | undefined {
  const { services, connection, cause, handshakeSpan, isTraced, startedAt } = session;
  if (!isTraced || !cause) return undefined;
  return services.tracing.closed(connection, cause, services.clock.now() - startedAt, handshakeSpan);
}
