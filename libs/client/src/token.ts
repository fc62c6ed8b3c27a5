import { maxTokenLength } from '@holdfast/protocol';
import { HoldfastError } from './errors.js';

/**
 * Gives the token for an attempt or a refresh. Called anew each time; `undefined` means: without one. What it throws,
 * or gives instead of a string of 1 to 8,192 characters, counts as a failed attempt.
 *
 * @publicApi
 */
export type TokenProvider = () => string | undefined | Promise<string | undefined>;

/**
 * Asks for a token. Reads nothing of an object: its getters may throw, and an error must not repeat what it holds.
 *
 * @throws (rejects with) {@link HoldfastError} `TOKEN_PROVIDER_FAILED`.
 */
export async function takeToken(provider: TokenProvider): Promise<string | undefined> {
  try {
    const token: unknown = await provider();
    if (token === undefined) return token;
    if (typeof token === 'string' && token && token.length <= maxTokenLength) return token;
    throw new TypeError(`A token is a string of 1 to ${maxTokenLength} characters`);
  } catch (cause) {
    throw new HoldfastError('TOKEN_PROVIDER_FAILED', 'The token provider failed', { cause });
  }
}
