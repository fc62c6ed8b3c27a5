import { type Link, LinkField, linkOfClient } from '../connection/index.js';
import type { BoundedLog, PendingWork } from '../ground/index.js';
import type { ConnectHooks } from './connect-hooks.js';

export interface NestBindingParts {
  readonly log: BoundedLog;
  /** Disconnect hooks at work: a shutdown waits for them. */
  readonly disconnectHooks: PendingWork;
}

/** What Nest and its hooks and filters have to do with one connection. */
export class NestBinding {
  /** What a guard or filter refused the handshake with, even where a filter of the application swallowed it. */
  refusal: { readonly error: unknown } | undefined;
  /** Present while connection hooks run, also when the connection has ended before them. */
  connectHooks: ConnectHooks | undefined;
  disconnectCallbacks: ((reason: string) => void)[] | undefined;

  constructor(
    readonly link: Link,
    readonly parts: NestBindingParts,
  ) {}

  /** A connection hook threw, rejected or could not be called at all. */
  hookFailed(error: unknown): void {
    if (this.connectHooks?.fail(error) !== true) this.parts.log.error('hook', 'A connection hook failed', error);
  }
}

const field = new LinkField<NestBinding>('nest');

/** Makes bindings for those connections that Nest has to do with. */
export class NestBindings {
  constructor(private readonly parts: NestBindingParts) {}

  of(link: Link): NestBinding {
    const known = field.get(link);
    if (known) return known;
    const binding = new NestBinding(link, this.parts);
    field.set(link, binding);
    return binding;
  }
}

/** Undefined where Nest has nothing to do with the connection. */
export function bindingOf(link: Link): NestBinding | undefined {
  return field.get(link);
}

/** The binding of what Nest hands around as "client", where it is one of ours. */
export function bindingOfClient(client: unknown): NestBinding | undefined {
  const link = linkOfClient(client);
  return link && bindingOf(link);
}
