import type { Connection } from '../connection/index.js';
import type { Call } from '../nest/index.js';
import type { BoundRateLimit } from '../rate-limit/index.js';

/** Guards, pipes and handler without Nest's own chain. */
export interface Pipeline {
  /** @returns what the handler returned, or a promise of it where a guard, a pipe or the handler is asynchronous. */
  run(connection: Connection, data: unknown, call: Call): unknown;
}

/** Begins the event of a method that decides about rooms, before their pattern. No client can send it. */
export const ROOM_EVENT = '$room:';

/** Begins the event of a method that is given what clients publish to rooms. No client can send it. */
export const PUBLISH_EVENT = '$publish:';

/** One `@SubscribeMessage` handler, known at boot. */
export interface HandlerPlan {
  /** Place of its callback among those of a connection. */
  readonly index: number;
  readonly event: string;
  readonly gateway: string;
  readonly method: string;
  /** How many may run at once on one connection; undefined: in order, one after the other. */
  readonly concurrency: number | undefined;
  /** An observable it returns is a stream at once, not only from its first value on, see {@link StreamReply}. */
  readonly streams: boolean;
  /** Undefined for handlers that need Nest's own chain. */
  readonly direct: Pipeline | undefined;
  readonly limits: readonly BoundRateLimit[];
  /** The handler asked for an acknowledgement function with `@Ack()` and answers by it. */
  readonly acknowledges: boolean;
}
