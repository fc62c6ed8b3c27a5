import { LinkError } from '../link.js';

/** What a server of a cluster answers where a slot is not its own, or not entirely. Nothing was carried out. */
export type Redirect =
  | { readonly kind: 'moved' | 'ask'; readonly address: string }
  /** Neither server has all keys of the call, or the slot has no master at this moment. */
  | { readonly kind: 'later' };

const later: Redirect = { kind: 'later' };

/** @returns undefined: the error is another one. */
export function redirectOf(error: unknown): Redirect | undefined {
  if (!(error instanceof LinkError) || error.kind !== 'reply') return undefined;
  const [word = '', , address = ''] = error.message.split(' ', 3);
  // A script without keys is not redirected: what it first does with the slot fails.
  if (/non local key|while the cluster is down/.test(error.message)) return later;
  if (word !== 'MOVED' && word !== 'ASK') return word === 'TRYAGAIN' || word === 'CLUSTERDOWN' ? later : undefined;
  // A server may not know how others are reached. The cluster is asked for it.
  if (address.startsWith(':') || address.startsWith('?')) return later;
  return { kind: word === 'MOVED' ? 'moved' : 'ask', address };
}
