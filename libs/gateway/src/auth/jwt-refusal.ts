import { errors } from 'jose';
import { AuthenticationError, AuthenticatorUnavailableError } from '../errors/index.js';

const claimReasons: Readonly<Record<string, string>> = {
  iss: 'The token comes from an issuer that is not accepted here',
  aud: 'The token is meant for another audience',
  nbf: 'The token is not valid yet',
  sub: 'The token names no subject',
};

/**
 * What a failed verification means for the client. Anything unforeseen counts as a bad token: the header is under the
 * client's control, and some combinations of it with our key make the crypto layer throw a bare TypeError.
 */
export function refusalOf(error: unknown): AuthenticationError | AuthenticatorUnavailableError {
  if (error instanceof AuthenticationError || error instanceof AuthenticatorUnavailableError) return error;
  if (error instanceof errors.JWTExpired) {
    return new AuthenticationError('TOKEN_EXPIRED', 'The token has expired', { cause: error });
  }
  return new AuthenticationError('UNAUTHORIZED', reasonOf(error), { cause: error });
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) return claimReasons[error.claim] ?? 'A claim is invalid';
  if (error instanceof errors.JOSEAlgNotAllowed)
    return 'The token is signed with an algorithm that is not accepted here';
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'The token does not say which key signed it (kid)';
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return 'The token is malformed';
  return 'The signature of the token could not be verified';
}
