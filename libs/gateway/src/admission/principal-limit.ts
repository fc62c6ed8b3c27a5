import { CloseCode, ReservedEvent } from '@holdfast/protocol';
import { GatewayFeature, type Link, type LinkObserver } from '../connection/index.js';
import { HoldfastException } from '../errors/index.js';
import { refusals } from './refusal.js';

const code = 'TOO_MANY_CONNECTIONS_PER_PRINCIPAL';
const { message } = refusals.tooManyConnectionsPerPrincipal();

/** @throws HoldfastException `TOO_MANY_CONNECTIONS_PER_PRINCIPAL` when the principal of an SDK client has too many. */
export function bindPrincipal({ connection, lease }: Link): void {
  const { principal } = connection;
  if (principal && !lease.bindPrincipal(principal.subject)) throw new HoldfastException(code, message);
}

/**
 * Counts connections for principals that become known only when the connection is open: where a guard of a single
 * handler is the first to look at the token.
 */
@GatewayFeature('limits')
export class PrincipalLimit implements LinkObserver {
  principalChanged(link: Link): void {
    const { principal } = link.connection;
    if (link.state !== 'open' || !principal || link.lease.bindPrincipal(principal.subject)) return;
    link.send({ event: ReservedEvent.error, data: { code, message } }, 'answer');
    link.close(CloseCode.RATE_LIMIT_ABUSE, message);
  }
}
