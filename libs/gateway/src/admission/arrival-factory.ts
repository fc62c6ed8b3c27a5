import type { Span } from '@opentelemetry/api';
import { extractToken } from '../auth/index.js';
import { Link, type LinkParts } from '../connection/index.js';
import { type Clock, copyOf } from '../ground/index.js';
import { Arrival, type Destination } from './arrival.js';
import { newConnectionId } from './connection-id.js';
import { handshakeFacts, redactRequest } from './handshake-facts.js';
import type { PathMatch, Target } from './path-matcher.js';
import type { Passed } from './upgrade-checks.js';
import type { Upgrade } from './upgrade-listener.js';

/** Where the token of a handshake may stand, beside the headers. */
interface TokenPlaces {
  readonly cookieName?: string | undefined;
  readonly queryParameter?: string | undefined;
}

export interface ArrivalFactoryParts {
  readonly linkParts: LinkParts;
  readonly clock: Clock;
  readonly tokenPlaces: TokenPlaces;
}

/** Creates the link of a client whose upgrade request has passed the checks. */
export class ArrivalFactory {
  constructor(private readonly parts: ArrivalFactoryParts) {}

  create<D extends Destination>(
    { request, socket, target, match }: Upgrade & { readonly target: Target; readonly match: PathMatch<D> },
    { negotiated, address, lease }: Passed,
    span: Span | undefined,
  ): Arrival<D> {
    const { linkParts, clock, tokenPlaces } = this.parts;
    const { token, reason } = extractToken(request, tokenPlaces);
    redactRequest(request, tokenPlaces.queryParameter);
    const link = new Link(linkParts, socket, {
      id: newConnectionId(),
      handshake: handshakeFacts(request, target, match, address, negotiated, tokenPlaces.queryParameter),
      joinedAt: clock.wallNow(),
      startedAt: span ? clock.now() : 0,
      isTraced: span !== undefined,
      place: match.value,
      lease,
    });
    link.connection.credentials = token === undefined ? undefined : copyOf(token);
    link.handshakeSpan = span?.spanContext();
    return new Arrival(link, match.value, request, reason);
  }
}
