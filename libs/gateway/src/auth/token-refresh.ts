import { CloseCode, parseRefresh, ReservedEvent } from '@holdfast/protocol';
import { GatewayFeature, type Link } from '../connection/index.js';
import type { FrameReply, ReceivesFrames } from '../dispatch/index.js';
import { AuthenticatorUnavailableError, HoldfastException } from '../errors/index.js';
import { type BoundedLog, type Clock, inTime, type TimerWheel } from '../ground/index.js';
import { accountFor, labelOf } from '../nest/index.js';
import type { Counters } from '../telemetry/index.js';
import type { Authenticator } from './authenticator.js';

export interface TokenRefreshParts {
  readonly authenticator: Authenticator;
  readonly counters: Counters;
  readonly log: BoundedLog;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  /** What verifying a token may take. */
  readonly timeoutMs: number;
}

/** Takes the fresh tokens of SDK clients: `$refresh` (PROTOCOL.md 9). */
@GatewayFeature()
export class TokenRefresh implements ReceivesFrames {
  readonly reservedFrames = {
    [ReservedEvent.refresh]: (reply: FrameReply, data: unknown, id: string | number | undefined): void => {
      const refresh = parseRefresh(data);
      if (refresh.ok) void this.#refresh(reply, refresh.value.token, id);
      else reply.violate(refresh.error.code, refresh.error.message, id);
    },
  };
  /** Those whose fresh token is being verified. */
  readonly #refreshing = new Set<Link>();

  constructor(private readonly parts: TokenRefreshParts) {}

  async #refresh(reply: FrameReply, token: string, id: string | number | undefined): Promise<void> {
    try {
      const expiresAt = await this.#renew(reply.link, token);
      const leftMs = Math.max(0, Math.round(expiresAt - this.parts.clock.wallNow()));
      reply.answer({ event: ReservedEvent.reply, data: { expiresInMs: leftMs === Infinity ? null : leftMs } }, id);
    } catch (error) {
      this.#rejected(reply, error, id);
    }
  }

  #rejected(reply: FrameReply, error: unknown, id: string | number | undefined): void {
    const { data, isFault } = accountFor(error);
    this.parts.counters.add('error', labelOf(data.code));
    if (isFault) this.parts.log.error('refresh', 'A fresh token could not be verified', error);
    reply.answer({ event: ReservedEvent.error, data }, id);
    if (data.code === 'REFRESH_REFUSED') {
      reply.link.close(CloseCode.UNAUTHORIZED, 'the subject of a connection cannot change');
    }
  }

  /**
   * One at a time: verifying costs, and of two that run at once the older could win.
   *
   * @returns when the fresh proof of identity ends, see {@link Principal.expiresAt}.
   */
  async #renew(link: Link, token: string): Promise<number> {
    if (this.#refreshing.has(link)) {
      throw new HoldfastException('RATE_LIMITED', 'Another fresh token is being verified');
    }
    this.#refreshing.add(link);
    try {
      return await this.#verify(link, token);
    } finally {
      this.#refreshing.delete(link);
    }
  }

  async #verify({ connection }: Link, token: string): Promise<number> {
    const { authenticator, wheel, timeoutMs } = this.parts;
    const fresh = await inTime(
      wheel,
      timeoutMs,
      Promise.resolve(authenticator.authenticate(token, connection.handshake)),
      () => new AuthenticatorUnavailableError('The fresh token was not verified in time'),
    );
    const known = connection.principal;
    if (known && known.subject !== fresh.subject) {
      throw new HoldfastException('REFRESH_REFUSED', 'The token belongs to somebody else');
    }
    // A client that the guards admitted without a token stays without an identity: they have not seen this token.
    if (!known && connection.credentials === undefined) {
      throw new HoldfastException('REFRESH_REFUSED', 'The connection was made without a token: connect with this one');
    }
    if (known) connection.principal = fresh;
    else connection.credentials = token;
    return fresh.expiresAt;
  }
}
