import { AuthenticatorUnavailableError } from '../errors/index.js';
import { Authenticator } from './authenticator.js';
import type { Principal } from '../connection/index.js';

/** Stands in while neither a key nor an authenticator was given: it verifies nothing and says so. */
export class UnconfiguredAuthenticator extends Authenticator {
  override authenticate(): Promise<Principal> {
    return Promise.reject(new AuthenticatorUnavailableError('HoldfastModule was given no way to verify tokens'));
  }
}
