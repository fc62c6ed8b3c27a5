import type { HelloData, SessionData } from '@holdfast/protocol';
import type { Link } from '../connection/index.js';

/** Finds what is remembered of a client from its previous connection (PROTOCOL.md 18). */
export interface Resumption {
  /**
   * Called for a client that wants a session, once the guards have let it in.
   *
   * @returns what `$welcome` says of it; undefined: there is no session for this client at the moment
   * @throws (rejects with) HoldfastException `UNAVAILABLE`
   */
  begin(link: Link, hello: HelloData): Promise<SessionData | undefined>;
}
