import { PathMatcher } from '../admission/index.js';
import { HoldfastError } from '../errors/index.js';
import type { GatewayOptions } from './gateway-options.js';
import type { Route } from './route.js';

/** See {@link GatewayOptions}. */
export type PortPlace = Pick<GatewayOptions, 'host' | 'tls'>;

/** The routes of one port. */
export class PortTable extends PathMatcher<Route> {
  readonly routes: Route[] = [];

  /** @param place - where the port is listened on, if it is not that of the application */
  constructor(readonly place: PortPlace = { host: undefined, tls: undefined }) {
    super();
  }

  /** @throws HoldfastError `INVALID_GATEWAY` for a malformed route, or one that another route hides. */
  override add(path: string, route: Route): void {
    const other = this.routes.find((known) => shapeOf(known.route) === shapeOf(path));
    if (other) {
      const names = other.gateways.map(({ name }) => name).join(', ');
      throw new HoldfastError(
        'INVALID_GATEWAY',
        `the routes "${other.route}" of ${names} and "${path}" match the same paths`,
      );
    }
    super.add(path, route);
    this.routes.push(route);
  }

  /** By its route as declared, which is not how requests find it. */
  find(path: string): Route | undefined {
    return this.routes.find(({ route }) => route === path);
  }
}

/** What a route matches does not depend on the names of its parameters. */
function shapeOf(path: string): string {
  return path.replace(/:[^/]*/g, ':');
}
