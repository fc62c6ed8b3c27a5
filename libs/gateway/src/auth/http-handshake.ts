import type { IncomingHttpHeaders } from 'node:http';
import type { Handshake } from '../connection/index.js';

/** What Express and Fastify requests have in common, as far as it is needed here. */
export interface HttpRequest {
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly ip?: string;
  readonly protocol?: string;
  readonly params?: unknown;
}

/** A plain HTTP request described as the handshake it is not, so that one Authenticator serves both. */
export function handshakeOfRequest(request: HttpRequest): Handshake {
  const [path = '/', query = ''] = request.url.split(/\?(.*)/s, 2);
  return Object.freeze<Handshake>({
    route: path,
    path,
    // Both frameworks fill `params` with the strings of the path.
    params: (request.params ?? {}) as Record<string, string>,
    query: new URLSearchParams(query),
    headers: request.headers,
    ip: request.ip ?? '',
    origin: request.headers.origin,
    secure: request.protocol === 'https',
    subprotocol: '',
    mode: 'plain',
  });
}
