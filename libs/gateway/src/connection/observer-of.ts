import type { StateChange } from './connection-state.js';
import type { Principal } from './principal.js';

/**
 * What a feature wants to know of the life of every link. Observers are never on the way of a message, and MUST NOT
 * wait. They are called in the order of {@link observerPlaces}.
 *
 * @typeParam Link - a parameter, because links know their observers.
 */
export interface ObserverOf<Link> {
  /** The upgrade has happened. */
  joined?(link: Link): void;
  /** The guards have let the client in. */
  admitted?(link: Link): void;
  /** The connection hooks have finished. What it throws rejects the client. */
  opened?(link: Link): void;
  /** Any step in its life, also of a link that was refused during the handshake and has never joined. */
  changed?(link: Link, change: StateChange): void;
  /** Another principal, or none; also before it has joined. */
  principalChanged?(link: Link, previous: Principal | undefined): void;
  tagged?(link: Link, tag: string): void;
  untagged?(link: Link, tag: string): void;
  /** The peer does not read what it is sent, or does again. */
  congested?(link: Link, isCongested: boolean): void;
  /** The peer answered a protocol ping, or pretends to. */
  ponged?(link: Link, payload: Buffer): void;
  /** It has ended, after it had joined. */
  ended?(link: Link): void;
}
