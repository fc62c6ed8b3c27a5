import type { Handshake, Principal } from '../connection/index.js';

/**
 * Turns credentials into an identity. The class is its own injection token: provide a subclass under it to replace
 * JWTs by a strategy of your own.
 *
 * @publicApi
 */
export abstract class Authenticator {
  /**
   * Called once per connection and once per refreshed token, never per message. The result may be shared between
   * connections, so it should be frozen. What is known without waiting may be returned as it is: a handshake that waits
   * for nothing is the cheapest.
   *
   * @param token - As the client sent it, at most {@link MAX_TOKEN_BYTES} long.
   * @throws AuthenticationError when the token proves nothing (`UNAUTHORIZED`) or no longer does (`TOKEN_EXPIRED`).
   * @throws AuthenticatorUnavailableError when it cannot be decided now.
   */
  abstract authenticate(token: string, handshake: Handshake): Principal | Promise<Principal>;
}
