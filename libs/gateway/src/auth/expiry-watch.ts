import { CloseCode } from '@holdfast/protocol';
import type { Handshake } from '../connection/handshake.js';
import type { Session } from '../lifecycle/session.js';
import type { Clock } from '../ground/clock.js';
import { Deadline } from '../ground/deadline.js';
import { planExpiry } from './expiry.js';

/** When what is known of a client has to be proved anew. */
export interface ExpiryDeadlines {
  /** Undefined for plain clients, which cannot be asked. */
  readonly refresh: Deadline | undefined;
  readonly close: Deadline;
}

export interface ExpirySettings {
  readonly refreshAheadMs: number;
  readonly expiryGraceMs: number;
}

/** Ends connections whose proof of identity has ended, after asking those that can for a fresh one. */
export class ExpiryWatch {
  constructor(
    private readonly settings: ExpirySettings,
    private readonly clock: Clock,
  ) {}

  /** Plans anew by the principal the session has now. */
  watch(session: Session): void {
    const { principal, handshake } = session.connection;
    const plan = principal && planExpiry(principal.expiresAt, handshake.mode, this.settings, this.clock.wallNow());
    if (!plan && !session.expiry) return;
    const { refresh, close } = (session.expiry ??= this.#deadlinesOf(session, handshake.mode));
    if (refresh) session.after(refresh, plan?.refreshAtMs ?? Infinity);
    session.after(close, plan?.closeAtMs ?? Infinity);
  }

  #deadlinesOf(session: Session, mode: Handshake['mode']): ExpiryDeadlines {
    const refresh = (): void => {
      const expiresAt = session.connection.principal?.expiresAt ?? 0;
      const expiresInMs = Math.max(0, Math.round(expiresAt - this.clock.wallNow()));
      session.send({ event: '$refresh', data: { expiresInMs } }, 'control');
    };
    const close = (): void => {
      session.close(CloseCode.UNAUTHORIZED, 'the token has expired');
    };
    return { refresh: mode === 'sdk' ? new Deadline(refresh) : undefined, close: new Deadline(close) };
  }
}
