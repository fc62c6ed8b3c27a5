import type { BackplaneError } from './backplane-error.js';
import type { History } from './history.js';
import type { Position, Publication } from './position.js';
import type { SessionStore } from './session-store.js';

/** @publicApi */
export interface PublishOptions {
  readonly history: History;
  /**
   * The application's own key for one item. Another publish to the room with this key within `windowMs` of the first one
   * MUST store and deliver nothing, and MUST be answered as the first one was.
   */
  readonly once?: { readonly key: string; readonly windowMs: number };
}

/** @publicApi */
export interface Published {
  /** Of the first item; the others follow it without a gap. null in a room without history. */
  readonly first: Position | null;
  /** When they were stored; see {@link Publication.at}. */
  readonly at: number;
  /** Whether this is the answer to an earlier publish with the same key. */
  readonly repeat: boolean;
}

/**
 * How much one read may return. The first item comes even when it alone has more bytes.
 *
 * @publicApi
 */
export interface PageLimits {
  readonly items: number;
  readonly bytes: number;
}

/**
 * Everything after a position, or why that is impossible. There is never a hole in it.
 *
 * Whole: `items` begin after `from` and carry the epoch of `top`. `from` is the position that was asked for, less `undone`
 * publications that the engine has lost since. `more`: this page ends before `top`; read on from its last item.
 * Not whole, `epoch`: the engine knows no such log. `trimmed`: some of it is no longer kept. `future`: the log has never
 * been that long.
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
 * What is above an engine. Calls to it MUST NOT throw and are never awaited.
 *
 * @publicApi
 */
export interface BackplaneSink {
  /** MAY repeat, leave out and swap publications; MUST NOT alter one, nor bring one whose publish had outcome `none`. */
  publication(publication: Publication): void;
  /** A command of another node, or of this one, to {@link Backplane.send}. */
  command(command: Uint8Array, from: string): void;
  /** From now on deliveries may be lost. MUST come as soon as that is known. */
  interrupted(rooms: readonly string[] | 'all', cause: BackplaneError): void;
  /** What `watch` promises holds again. MUST follow each interruption that ends. */
  resumed(rooms: readonly string[] | 'all'): void;
}

/**
 * An engine: a log per room, a wire between nodes, and the sessions of clients. The feeds, cursors and position checks
 * that keep members whole live above it and are the same for all engines. What every engine promises:
 *
 *  1. Items of one publish MUST be stored together or not at all, with consecutive offsets in their order. The first
 *     offset of an epoch that continues no other one MUST be 1. Storing and handing out for delivery MUST be one step.
 *  2. Publishes of one node to one room MUST take effect in the order of the calls, and each at most once, whatever is
 *     repeated inside. One whose outcome is unknown MUST NOT take effect after a later one.
 *  3. The epoch MUST change whenever an offset could be given twice: after data was lost, restored, restarted or failed
 *     over. An epoch MUST NOT come back.
 *  4. Every promise MUST settle within `deadlineMs`, whatever is underneath.
 *  5. A rejection MUST be a {@link BackplaneError}. Outcome `none` MUST mean that nothing was or will be stored or delivered.
 *  6. A node MUST be given publications of rooms it watches, and of no others.
 *  7. Names and items are opaque: any character and any byte MUST be kept as it is.
 *  8. After `close` has resolved, the sink MUST NOT be called and no timer MUST be left; every other call MUST reject
 *     with `AWAY` and outcome `none`.
 *  9. A publication of a room without history MUST NOT be given to the node that published it, which has delivered it
 *     already; to the other nodes that watch, at most once.
 * 10. Memory MUST be bounded. What does not fit MUST be refused with `FULL` and outcome `none`; what `history` promises
 *     to keep MUST NOT be dropped instead.
 *
 * @publicApi
 */
export interface Backplane {
  /** For logs and metrics, such as `memory`. */
  readonly name: string;
  /** Milliseconds within which every promise settles. */
  readonly deadlineMs: number;
  /**
   * What outlives what. `process`: nothing outlives the process. `memory`: the copies in the memory of the engine. `disk`:
   * a power cut, but for the last `loseMs`. MUST be found out by `start`; `warnings` are sentences for people.
   */
  readonly durability: {
    readonly kind: 'process' | 'memory' | 'disk';
    readonly loseMs: number;
    readonly warnings: readonly string[];
  };
  /** Who owns which client. Absent: this engine has no sessions. */
  readonly sessions?: SessionStore;

  /** Connects. Called once, before anything else. @param node - unique among the nodes and among incarnations of one. */
  start(node: string, sink: BackplaneSink): Promise<void>;
  close(): Promise<void>;

  publish(room: string, items: readonly Uint8Array[], options: PublishOptions): Promise<Published>;
  /**
   * What came after `since`, oldest first; null: the top only. A room that was never seen gets its epoch here. In a `latest`
   * room (see {@link History.size}) gaps are no loss: the newest item is given whenever `since` is not the top or something
   * was undone. MUST read where writes go, never from a replica.
   */
  read(room: string, since: Position | null, page: PageLimits, history: History): Promise<ReadResult>;
  /** The tops of many rooms in few round trips, in their order; null: nothing is known of it. MUST keep them from expiring. */
  tops(rooms: readonly string[]): Promise<readonly (Position | null)[]>;

  /**
   * Resolves when everything that is stored from now on is delivered: a read that begins later leaves no hole before the
   * deliveries. Counted: each watch needs one unwatch. One that rejects holds nothing.
   */
  watch(rooms: readonly string[]): Promise<void>;
  unwatch(rooms: readonly string[]): void;

  /**
   * Sends a command, which arrives once at most.
   *
   * @param to - the name of a node; null: all nodes, this one included
   * @returns how many nodes it has reached; undefined: unknown. 0 MUST be true
   */
  send(to: string | null, command: Uint8Array): Promise<number | undefined>;
}
