import type { WireFormat } from '../format/index.js';
import type { Handshake } from './handshake.js';

/**
 * How a frame leaves: an `event` of the application may be refused to a client that does not keep up, an `answer` is
 * owed, and `control` frames of the protocol go before both.
 */
export type Lane = 'event' | 'answer' | 'control';

/**
 * How far the arrival of a client has come: `handshake` before the 101; `hello` while an SDK client has not said who it
 * is; `greeted` while the guards decide about what it said; `admitted` from then on. Plain clients have passed the
 * guards before the 101, and are admitted with it.
 */
export type Phase = 'handshake' | 'hello' | 'greeted' | 'admitted';

/** Why a socket is not read for a while. */
export type PauseReason = 'inbox' | 'byteRate' | 'turn' | 'drain';

/** A place among the connections. */
export interface Lease {
  /**
   * Counts the connection for a principal, once it is known. Binding the same subject again changes nothing, another
   * one takes the place of the first.
   *
   * @returns false when the principal has too many; nothing is counted then and what was bound stays so.
   */
  bindPrincipal(subject: string): boolean;
  /** Counts the connection for no principal any more: another one takes its place. */
  leavePrincipal(): void;
  /** Gives the place back. Every call but the first does nothing; a principal is not bound after it. */
  release(): void;
}

/** Where a connection leads to. */
export interface LinkPlace {
  /** The path as declared. */
  readonly route: string;
  /** Under which the registry files the connection once it is admitted: its gateways, and the path itself. */
  readonly keys: readonly object[];
  /** Of its plain clients; undefined: envelopes. */
  readonly format: WireFormat | undefined;
}

/** What is known of a connection when it is made. */
export interface LinkFacts {
  readonly id: string;
  readonly handshake: Handshake;
  /** Milliseconds since the Unix epoch. */
  readonly joinedAt: number;
  /** Monotonic; 0 where nobody asks how long the connection lasted. */
  readonly startedAt: number;
  /** Spans are made of what happens on it. */
  readonly isTraced: boolean;
  readonly place: LinkPlace;
  readonly lease: Lease;
}
