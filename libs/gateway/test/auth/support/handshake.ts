import type { Handshake } from '../../../src/connection/handshake.js';

/** A handshake for tests in which only its presence matters, or one fact of it. */
export function handshakeWith(facts: Partial<Handshake> = {}): Handshake {
  return Object.freeze<Handshake>({
    route: '/chat',
    path: '/chat',
    params: {},
    query: new URLSearchParams(),
    headers: {},
    ip: '192.0.2.1',
    origin: undefined,
    secure: true,
    subprotocol: '',
    mode: 'plain',
    ...facts,
  });
}
