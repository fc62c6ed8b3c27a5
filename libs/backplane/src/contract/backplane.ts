import type { BackplaneError } from './backplane-error.js';
import type { History } from './history.js';
import type { NodeRegistry } from './node-registry.js';
import type { Position, Publication } from './position.js';
import type { Limiter } from '../limits/limiter.js';
import type { SessionStore } from './session-store.js';

/**
 * An idempotency key of the application. A second publish to the room with the same key, within `windowMs` of the
 * first, MUST store and deliver nothing, and MUST be answered like the first.
 *
 * @publicApi
 */
export interface Once {
  readonly key: string;
  readonly windowMs: number;
}

/** @publicApi */
export interface PublishOptions {
  readonly history: History;
  /** Only for a publish of exactly one item; with several it MUST be rejected with `REFUSED`. */
  readonly once?: Once;
}

/** @publicApi */
export interface Published {
  /** Position of the first item; the others have the following offsets. null in a room without history. */
  readonly first: Position | null;
  /** When the items were stored; see {@link Publication.at}. */
  readonly at: number;
  /** Whether an earlier publish had the same {@link Once} key: then this is the result of that publish. */
  readonly repeat: boolean;
}

/**
 * How much one read may return. An engine MAY return less, with `more`. The first item is returned even when it alone
 * exceeds `bytes`.
 *
 * @publicApi
 */
export interface PageLimits {
  readonly items: number;
  readonly bytes: number;
}

/**
 * Either everything after a position, without a hole, or the reason why that is impossible.
 *
 * `whole: true`:
 * - `from`: the items begin after this offset. It is the offset that was asked for, minus `undone`.
 * - `undone`: how many publications before the position the engine has lost since they were delivered.
 * - `items`: consecutive, oldest first, with the epoch of `top`.
 * - `more`: the page ends before `top`; read on after its last item.
 *
 * `whole: false`, with the reason:
 * - `epoch`: the engine does not know that epoch;
 * - `trimmed`: an item after the position is no longer kept;
 * - `future`: the offset is above the top.
 *
 * @publicApi
 */
export type ReadResult =
  | {
      readonly whole: true;
      readonly top: Position;
      readonly from: number;
      readonly undone: number;
      readonly items: readonly Publication[];
      readonly more: boolean;
    }
  | { readonly whole: false; readonly top: Position; readonly reason: 'epoch' | 'trimmed' | 'future' };

/**
 * Receives what an engine delivers. Its methods MUST NOT throw, and the engine does not wait for them.
 *
 * @publicApi
 */
export interface BackplaneSink {
  /**
   * A delivery. The engine MAY repeat, lose and reorder deliveries. It MUST NOT alter one, and MUST NOT deliver an item
   * whose publish was rejected with outcome `none`.
   */
  publication(publication: Publication): void;
  /** A command that a node has sent with {@link Backplane.send}. */
  command(command: Uint8Array, from: string): void;
  /** From now on deliveries may be lost. The engine MUST report this as soon as it knows. */
  interrupted(rooms: readonly string[] | 'all', cause: BackplaneError): void;
  /** The guarantee of {@link Backplane.watch} holds again. MUST follow each interruption that ends. */
  resumed(rooms: readonly string[] | 'all'): void;
}

/**
 * An engine: a log per room, deliveries between nodes, and sessions. Everything else (feeds, cursors, position checks)
 * is shared by all engines and lives in `RoomHub`. Every engine promises:
 *
 *  1. The items of one publish MUST be stored together or not at all, with consecutive offsets in their order. The
 *     first offset of an epoch MUST be 1, unless the epoch continues an earlier one. Storing an item and handing it
 *     over for delivery MUST be one atomic step.
 *  2. Publishes of one node to one room MUST take effect in the order of the calls, each at most once, even when the
 *     engine retries internally. A publish that was rejected with outcome `unknown` MUST NOT take effect after a later
 *     one.
 *  3. The epoch MUST change whenever an offset could be given out twice: after data was lost or restored, after a
 *     restart and after a failover. An epoch MUST NOT be used again.
 *  4. Every promise MUST settle within `deadlineMs`.
 *  5. Every rejection MUST be a {@link BackplaneError}. Outcome `none` MUST mean that nothing was or will be stored or
 *     delivered.
 *  6. A node MUST get deliveries of the rooms that it watches, and of no others.
 *  7. Room names, keys and items are opaque: every character and every byte MUST be preserved.
 *  8. After `close` has resolved, the sink MUST NOT be called and no timer MUST be left. Every other call MUST then
 *     reject with `AWAY` and outcome `none`.
 *  9. In a room without history a publication MUST NOT be delivered to the node that published it, because that node
 *     has delivered it to its members already; to other nodes that watch the room it MUST be delivered at most once.
 * 10. Memory MUST be bounded. What does not fit MUST be rejected with `FULL` and outcome `none`; an engine MUST NOT
 *     drop items that {@link History} requires it to keep.
 *
 * @publicApi
 */
export interface Backplane {
  /** For logs and metrics, for example `memory`. */
  readonly name: string;
  /** Milliseconds within which every promise settles. */
  readonly deadlineMs: number;
  /**
   * What survives a failure. `process`: nothing survives the end of this process. `memory`: the data is in the memory
   * of one or more servers. `disk`: the data survives a power cut, except for the last `loseMs` milliseconds. `start`
   * MUST find this out. `warnings` are sentences for an operator.
   */
  readonly durability: {
    readonly kind: 'process' | 'memory' | 'disk';
    readonly loseMs: number;
    readonly warnings: readonly string[];
  };
  /** Absent when the engine cannot store sessions. */
  readonly sessions?: SessionStore;
  /** Counts for all nodes together. Absent when the engine cannot: then each node counts by itself. */
  readonly limiter?: Limiter;
  /** Absent when the engine does not know which nodes live. */
  readonly nodes?: NodeRegistry;

  /**
   * Connects. Called once, before anything else.
   *
   * @param node - unique among all nodes, also among the incarnations of one node
   */
  start(node: string, sink: BackplaneSink): Promise<void>;
  close(): Promise<void>;

  publish(room: string, items: readonly Uint8Array[], options: PublishOptions): Promise<Published>;
  /**
   * Reads what was stored after `since`. It MUST read from where writes go, never from a replica. A room that was never
   * used gets its epoch by this call.
   *
   * In a `latest` room older items do not matter: the newest item alone MUST be returned whenever `since` is not the
   * top or `undone` is not 0, and `from` MUST be below its offset.
   *
   * @param since - null: return the top only
   */
  read(room: string, since: Position | null, page: PageLimits, history: History): Promise<ReadResult>;
  /**
   * The tops of many rooms, in few round trips. MUST keep these rooms from expiring.
   *
   * @returns in the order of `rooms`; null for a room that the engine does not know
   */
  tops(rooms: readonly string[]): Promise<readonly (Position | null)[]>;

  /**
   * Subscribes to deliveries. Once it has resolved, everything that is stored from then on is delivered: a read that
   * starts afterwards leaves no hole between its result and the deliveries.
   *
   * Watches are counted per room: each needs its own {@link unwatch}. A call that rejects subscribes to nothing.
   */
  watch(rooms: readonly string[]): Promise<void>;
  unwatch(rooms: readonly string[]): void;

  /**
   * Sends a command to other nodes, at most once.
   *
   * @param to - name of a node; null: all nodes, this one included
   * @returns the number of nodes reached; undefined when it is not known. 0 MUST be true.
   */
  send(to: string | null, command: Uint8Array): Promise<number | undefined>;
}
