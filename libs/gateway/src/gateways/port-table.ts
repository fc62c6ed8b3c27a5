import { PathMatcher } from '../admission/path-matcher.js';
import { HoldfastError } from '../errors/holdfast-error.js';
import type { Endpoint } from './endpoint.js';

/** The endpoints of one port. */
export class PortTable extends PathMatcher<Endpoint> {
  readonly endpoints: Endpoint[] = [];

  /** @throws HoldfastError `INVALID_GATEWAY` for a malformed route, or one that another route hides. */
  override add(route: string, endpoint: Endpoint): void {
    const other = this.endpoints.find((known) => shapeOf(known.route) === shapeOf(route));
    if (other) {
      const names = other.gateways.map(({ name }) => name).join(', ');
      throw new HoldfastError(
        'INVALID_GATEWAY',
        `the routes "${other.route}" of ${names} and "${route}" match the same paths`,
      );
    }
    super.add(route, endpoint);
    this.endpoints.push(endpoint);
  }

  /** By its route as declared, which is not how requests find it. */
  find(route: string): Endpoint | undefined {
    return this.endpoints.find((endpoint) => endpoint.route === route);
  }
}

/** What a route matches does not depend on the names of its parameters. */
function shapeOf(route: string): string {
  return route.replace(/:[^/]*/g, ':');
}
