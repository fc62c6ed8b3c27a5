import { CloseCode } from '@holdfast/protocol';
import type { Session } from '../lifecycle/session.js';
import type { Clock } from '../ports/clock.js';
import { Deadline } from '../ports/deadline.js';
import { planExpiry } from './expiry.js';

interface Deadlines {
  readonly refresh: Deadline;
  readonly close: Deadline;
}

export interface ExpirySettings {
  readonly refreshAheadMs: number;
  readonly expiryGraceMs: number;
}

/** Ends connections whose proof of identity has ended, after asking those that can for a fresh one. */
export class ExpiryWatch {
  readonly #deadlines = new WeakMap<Session, Deadlines>();

  constructor(
    private readonly settings: ExpirySettings,
    private readonly clock: Clock,
  ) {}

  /** Plans anew by the principal the session has now. */
  watch(session: Session): void {
    const { principal, handshake } = session.connection;
    const plan = principal && planExpiry(principal.expiresAt, handshake.mode, this.settings, this.clock.wallNow());
    if (!plan && !this.#deadlines.has(session)) return;
    const { refresh, close } = this.#deadlinesOf(session);
    session.after(refresh, plan?.refreshAtMs ?? Infinity);
    session.after(close, plan?.closeAtMs ?? Infinity);
  }

  #deadlinesOf(session: Session): Deadlines {
    let deadlines = this.#deadlines.get(session);
    if (!deadlines) {
      deadlines = {
        refresh: new Deadline(() => {
          const expiresAt = session.connection.principal?.expiresAt ?? 0;
          session.send(
            {
              event: '$refresh',
              data: { expiresInMs: Math.max(0, Math.round(expiresAt - this.clock.wallNow())) },
            },
            'control',
          );
        }),
        close: new Deadline(() => {
          session.close(CloseCode.UNAUTHORIZED, 'the token has expired');
        }),
      };
      this.#deadlines.set(session, deadlines);
    }
    return deadlines;
  }
}
