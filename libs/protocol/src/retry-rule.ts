/**
 * What a client does after a close (PROTOCOL.md 13): come back after the advertised window or its own backoff; stay
 * away until something has changed; or ask the application, whose code it is.
 *
 * @publicApi
 */
export type RetryRule = 'return' | 'stay-away' | 'application';

/**
 * Below 3000 the codes are not ours, so there the rule is in this list: a peer that was told so did something wrong, or
 * is done.
 */
const finalProtocolCodes: ReadonlySet<number> = new Set([1000, 1002, 1003, 1007, 1008, 1009, 1010]);

/**
 * What a client does after a close with `code`, known or not: from 3000 on the range decides, so that codes which
 * are added later need no new client (PROTOCOL.md 13.2). What is no close code at all was not said by the peer and
 * counts as a broken connection: `return`.
 *
 * @publicApi
 */
export function retryRule(code: number): RetryRule {
  if (code >= 4400 && code <= 4499) return 'stay-away';
  if (code >= 4500 && code <= 4599) return 'return';
  if (code >= 3000 && code <= 4999) return 'application';
  return finalProtocolCodes.has(code) ? 'stay-away' : 'return';
}
