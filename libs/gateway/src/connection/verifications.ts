/** What of a connection is needed to end it. */
export interface Closable {
  close(code: number, reason: string): void;
}

interface Withdrawal {
  readonly code: number;
  readonly reason: string;
}

/** The time in which it is found out who a connection belongs to. */
export class Verification {
  #withdrawn: Map<string, Withdrawal> | undefined;

  constructor(
    private readonly verifications: Verifications,
    private readonly peer: Closable,
  ) {}

  /** @internal By {@link Verifications}: this access was withdrawn, and may be that of this peer. */
  withdraw(subject: string, withdrawal: Withdrawal): void {
    (this.#withdrawn ??= new Map()).set(subject, withdrawal);
  }

  /**
   * Ends the connection if access of `subject` was withdrawn since the verification began: what the authenticator has
   * looked at may be older than that.
   *
   * @returns why it was ended; undefined when it was not.
   */
  withdrawnFrom(subject: string): string | undefined {
    const withdrawal = this.#withdrawn?.get(subject);
    if (withdrawal) this.peer.close(withdrawal.code, withdrawal.reason);
    return withdrawal?.reason;
  }

  end(): void {
    this.verifications.ended(this.peer, this);
  }
}

/** Verifications that have not ended. One that never does is forgotten with its connection. */
export class Verifications {
  readonly #running = new Map<Closable, Set<Verification>>();

  begin(peer: Closable): Verification {
    const verification = new Verification(this, peer);
    const others = this.#running.get(peer);
    if (others) others.add(verification);
    else this.#running.set(peer, new Set([verification]));
    return verification;
  }

  withdraw(subject: string, withdrawal: Withdrawal): void {
    for (const verifications of this.#running.values()) {
      for (const verification of verifications) verification.withdraw(subject, withdrawal);
    }
  }

  forget(peer: Closable): void {
    this.#running.delete(peer);
  }

  /** @internal By a {@link Verification}. */
  ended(peer: Closable, verification: Verification): void {
    const verifications = this.#running.get(peer);
    if (verifications?.delete(verification) && verifications.size === 0) this.#running.delete(peer);
  }
}
