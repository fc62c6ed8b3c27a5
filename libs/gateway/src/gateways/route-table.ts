import type { Route } from './route.js';

/** The routes of this application, from the boot on. */
export class RouteTable implements Iterable<Route> {
  #routes: readonly Route[] = [];

  set(routes: readonly Route[]): void {
    this.#routes = routes;
  }

  [Symbol.iterator](): Iterator<Route> {
    return this.#routes[Symbol.iterator]();
  }
}
