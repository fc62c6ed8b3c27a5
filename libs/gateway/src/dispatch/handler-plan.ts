import type { Connection } from '../connection/connection.js';
import type { BoundRateLimit } from '../rate-limit/bound-rate-limit.js';
import type { DirectPipeline } from '../direct/direct-pipeline.js';
import type { Invocation } from './invocation.js';

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
  readonly direct: DirectPipeline | undefined;
  readonly limits: readonly BoundRateLimit[];
  /** The handler asked for an acknowledgement function with `@Ack()` and answers by it. Nest says so when it binds. */
  acknowledges: boolean;
}

/** Nest's chain of guards, interceptors, pipes, handler and filters, bound to one connection. */
export type NestCallback = (
  data: unknown,
  event: string,
  invocation: Invocation,
  acknowledge?: (data: unknown) => void,
) => Promise<unknown>;

/** The arguments that guards, interceptors and filters of a message see before Nest adds the pattern. */
export type MessageArguments = [connection: Connection, data: unknown, event: string, invocation: Invocation];
