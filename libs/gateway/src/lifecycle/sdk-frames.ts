import {
  CloseCode,
  type Envelope,
  parseHello,
  parsePing,
  parsePong,
  parseRefresh,
  ReservedEvent,
} from '@holdfast/protocol';
import { AuthenticatorUnavailableError } from '../errors/authentication-error.js';
import type { Authenticator } from '../auth/authenticator.js';
import { accountFor, labelOf } from '../nest/error-account.js';
import { HoldfastException } from '../errors/holdfast.exception.js';
import { inTime } from '../ground/in-time.js';
import type { Session } from './session.js';

/** The frames of the protocol itself, as SDK clients send them (PROTOCOL.md, SDK mode). */
export class SdkFrames {
  constructor(private readonly authenticator: Authenticator) {}

  receive(session: Session, envelope: Envelope): void {
    const { event, data, id } = envelope;
    if (event === ReservedEvent.hello) this.#hello(session, data, id);
    else if (!session.isWelcome) this.unexpected(session, id);
    else if (event === ReservedEvent.ping) this.#ping(session, data);
    else if (event === ReservedEvent.pong) this.#pong(session, data);
    else if (event === ReservedEvent.refresh) void this.#refresh(session, data, id);
    else session.violate('RESERVED_EVENT', "This reserved event is not a client's to send", id);
  }

  /** Anything but `$hello` before `$welcome`, which ends the connection. */
  unexpected(session: Session, id: string | number | undefined): void {
    session.violate('MALFORMED_FRAME', 'The first frame must be $hello, and nothing may follow it before $welcome', id);
  }

  #hello(session: Session, data: unknown, id: string | number | undefined): void {
    if (session.greeted) {
      session.violate('RESERVED_EVENT', '$hello may be sent once', id);
      return;
    }
    const hello = parseHello(data);
    if (hello.ok) void session.services.connector.greeted(session, hello.value.token);
    else session.violate(hello.error.code, hello.error.message, id);
  }

  #ping(session: Session, data: unknown): void {
    const ping = parsePing(data);
    if (ping.ok) session.send({ event: ReservedEvent.pong, data: ping.value }, 'control');
    else session.violate(ping.error.code, ping.error.message);
  }

  #pong(session: Session, data: unknown): void {
    const pong = parsePong(data);
    if (pong.ok) session.services.heartbeat.answered(session, pong.value.n);
    else session.violate(pong.error.code, pong.error.message);
  }

  async #refresh(session: Session, data: unknown, id: string | number | undefined): Promise<void> {
    const refresh = parseRefresh(data);
    if (!refresh.ok) {
      session.violate(refresh.error.code, refresh.error.message, id);
      return;
    }
    try {
      const expiresAt = await this.#renew(session, refresh.value.token);
      const leftMs = Math.max(0, Math.round(expiresAt - session.services.clock.wallNow()));
      session.answer({ event: ReservedEvent.reply, data: { expiresInMs: leftMs === Infinity ? null : leftMs } }, id);
    } catch (error) {
      const { data: refusal, isFault } = accountFor(error);
      session.services.counters.add('error', labelOf(refusal.code));
      if (isFault) session.services.log.error('refresh', 'A fresh token could not be verified', error);
      session.answer({ event: ReservedEvent.error, data: refusal }, id);
      if (refusal.code === 'REFRESH_REFUSED') {
        session.close(CloseCode.UNAUTHORIZED, 'the subject of a connection cannot change');
      }
    }
  }

  /**
   * One at a time: verifying costs, and of two that run at once the older could win.
   *
   * @returns when the fresh proof of identity ends, see {@link Principal.expiresAt}.
   */
  async #renew(session: Session, token: string): Promise<number> {
    const { connection, services } = session;
    if (session.isRefreshing) {
      throw new HoldfastException('RATE_LIMITED', 'Another fresh token is being verified');
    }
    session.isRefreshing = true;
    try {
      const fresh = await inTime(
        services.wheel,
        services.options.admission.handshakeTimeoutMs,
        Promise.resolve(this.authenticator.authenticate(token, connection.handshake)),
        () => new AuthenticatorUnavailableError('The fresh token was not verified in time'),
      );
      const known = connection.principal;
      if (known && known.subject !== fresh.subject) {
        throw new HoldfastException('REFRESH_REFUSED', 'The token belongs to somebody else');
      }
      // What the guards let in as a stranger stays one: they have not seen this token.
      if (!known && connection.credentials === undefined) {
        throw new HoldfastException(
          'REFRESH_REFUSED',
          'The connection was made without a token: connect with this one',
        );
      }
      if (known) connection.principal = fresh;
      else connection.credentials = token;
      return fresh.expiresAt;
    } finally {
      session.isRefreshing = false;
    }
  }
}
