import type { IncomingMessage } from 'node:http';
import type { Link, LinkedWebSocket, LinkPlace } from '../connection/index.js';
import type { Spoken } from './handshake-check.js';
import type { PayloadLimits } from './ws-options.js';

/** Where upgrade requests lead to: a path with its gateways. */
export interface Destination extends LinkPlace, Spoken {
  readonly settings: PayloadLimits;
  /**
   * Asks the guards of all its gateways whether to let a client in.
   *
   * @returns undefined when they did so at once; otherwise a promise that resolves when they have.
   * @throws what refused it, now or by that promise.
   */
  admit(arrival: Arrival): Promise<void> | undefined;
}

/** Takes over a client when its upgrade has happened. */
export interface Reception<D extends Destination> {
  receive(arrival: Arrival<D>, ws: LinkedWebSocket): void;
}

/** A client from its upgrade request until its connection is open. */
export class Arrival<D extends Destination = Destination> {
  /** Only needed until the connection hooks have run. */
  request: IncomingMessage | undefined;

  /**
   * @param unusableToken - why the token that came with the handshake cannot be looked at; undefined when it can, or
   *   there was none.
   */
  constructor(
    readonly link: Link,
    readonly destination: D,
    request: IncomingMessage,
    readonly unusableToken: string | undefined,
  ) {
    this.request = request;
  }
}
