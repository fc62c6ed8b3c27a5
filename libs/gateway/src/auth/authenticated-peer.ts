import type { Handshake, Principal } from '../connection/index.js';

/** What authentication needs of a connection, and the only part of it that it touches. */
export interface AuthenticatedPeer {
  readonly handshake: Handshake;
  /** Undefined until a token was accepted. */
  principal: Principal | undefined;
  /** The token the client presented and nobody has verified yet. */
  credentials: string | undefined;
  /** See {@link Connection.close}. */
  close(code: number, reason: string): void;
}
