import type { ConnectionState } from '../connection/connection-state.js';

/** How many connections there are in each state on each path, kept while they change so that nobody has to count. */
export class Census {
  readonly #counts = new Map<string, Map<ConnectionState, number>>();

  joined(route: string): void {
    this.#add(route, 'admitting', 1);
  }

  changed(route: string, from: ConnectionState, to: ConnectionState): void {
    this.#add(route, from, -1);
    if (to !== 'closed') this.#add(route, to, 1);
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
