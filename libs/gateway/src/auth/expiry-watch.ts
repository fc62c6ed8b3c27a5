import { CloseCode, ReservedEvent } from '@holdfast/protocol';
import { GatewayFeature, type Handshake, type Link, LinkField, type LinkObserver } from '../connection/index.js';
import { type Clock, Deadline } from '../ground/index.js';
import { planExpiry } from './expiry.js';

/** When what is known of a client has to be proved anew. */
interface ExpiryDeadlines {
  /** Undefined for plain clients, which cannot be asked. */
  readonly refresh: Deadline | undefined;
  readonly close: Deadline;
}

export interface ExpirySettings {
  readonly refreshAheadMs: number;
  readonly expiryGraceMs: number;
}

/** Ends connections whose proof of identity has ended, after asking those that can for a fresh one. */
@GatewayFeature('expiry')
export class ExpiryWatch implements LinkObserver {
  /** Absent where the identity does not end. */
  readonly #deadlines = new LinkField<ExpiryDeadlines>('expiry');

  constructor(
    private readonly settings: ExpirySettings,
    private readonly clock: Clock,
  ) {}

  opened(link: Link): void {
    this.#plan(link);
  }

  principalChanged(link: Link): void {
    if (link.state === 'open') this.#plan(link);
  }

  /** By the principal that the link has now. */
  #plan(link: Link): void {
    const { principal, handshake } = link.connection;
    const plan = principal && planExpiry(principal.expiresAt, handshake.mode, this.settings, this.clock.wallNow());
    const known = this.#deadlines.get(link);
    if (!plan && !known) return;
    const { refresh, close } = known ?? this.#deadlinesOf(link, handshake.mode);
    if (refresh) link.after(refresh, plan?.refreshAtMs ?? Infinity);
    link.after(close, plan?.closeAtMs ?? Infinity);
  }

  #deadlinesOf(link: Link, mode: Handshake['mode']): ExpiryDeadlines {
    const refresh = (): void => {
      const expiresAt = link.connection.principal?.expiresAt ?? 0;
      const expiresInMs = Math.max(0, Math.round(expiresAt - this.clock.wallNow()));
      link.send({ event: ReservedEvent.refresh, data: { expiresInMs } }, 'control');
    };
    const close = (): void => {
      link.close(CloseCode.UNAUTHORIZED, 'the token has expired');
    };
    const deadlines = { refresh: mode === 'sdk' ? new Deadline(refresh) : undefined, close: new Deadline(close) };
    this.#deadlines.set(link, deadlines);
    return deadlines;
  }
}
