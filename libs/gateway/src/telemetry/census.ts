import { Injectable } from '@nestjs/common';
import {
  type ConnectionState,
  GatewayFeature,
  type Link,
  type LinkObserver,
  type StateChange,
} from '../connection/index.js';

/** How many connections there are in each state on each path, kept while they change so that nobody has to count. */
@Injectable()
@GatewayFeature('census')
export class Census implements LinkObserver, Iterable<{ route: string; state: ConnectionState; count: number }> {
  readonly #counts = new Map<string, Map<ConnectionState, number>>();

  joined({ place }: Link): void {
    this.#add(place.route, 'admitting', 1);
  }

  changed({ place, phase }: Link, { from, to }: StateChange): void {
    // One that was refused during the handshake was never counted.
    if (phase === 'handshake') return;
    this.#add(place.route, from, -1);
    if (to !== 'closed') this.#add(place.route, to, 1);
  }

  *[Symbol.iterator](): Generator<{ route: string; state: ConnectionState; count: number }> {
    for (const [route, states] of this.#counts) {
      for (const [state, count] of states) yield { route, state, count };
    }
  }

  #add(route: string, state: ConnectionState, change: number): void {
    const states = this.#counts.get(route) ?? new Map<ConnectionState, number>();
    this.#counts.set(route, states);
    states.set(state, (states.get(state) ?? 0) + change);
  }
}
