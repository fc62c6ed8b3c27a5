import { Connection } from './connection.js';
import { Link } from './link.js';

/** From the public face of a connection to the wire behind it. */
export function linkOf(connection: Connection): Link {
  const core = Connection.coreOf(connection);
  if (core instanceof Link) return core;
  throw new TypeError('This connection was not made by a Holdfast gateway');
}

/** The link of what Nest hands around as "client", where it is one of ours. */
export function linkOfClient(client: unknown): Link | undefined {
  // `instanceof` cannot know the type of `data`, and nobody here looks at it.
  return client instanceof Connection ? linkOf(client as Connection) : undefined;
}
