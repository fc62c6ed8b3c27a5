/**
 * A place in the log of a room: the offset counts publications, and the epoch identifies the log that they are counted
 * in. The two belong together. Never store, compare or replace one without the other.
 *
 * @publicApi
 */
export interface Position {
  /** Opaque, 1 to 64 characters. In another epoch the same offset may belong to another publication. */
  readonly epoch: string;
  /** Number of the last publication. The first publication of a log has offset 1; 0 is the place before it. */
  readonly offset: number;
}

/**
 * One item in the log of a room. In rooms without history there are no positions: the epoch is empty and the offset 0.
 *
 * @publicApi
 */
export interface Publication extends Position {
  readonly room: string;
  /**
   * When it was stored, in milliseconds since the Unix epoch by the engine's clock. For age and lag, never for order.
   */
  readonly at: number;
  /** What was published. These bytes are never changed. */
  readonly item: Uint8Array;
}

/** Whether both are the same place in the same log. */
export function isSamePosition(one: Position, other: Position): boolean {
  return one.offset === other.offset && one.epoch === other.epoch;
}
