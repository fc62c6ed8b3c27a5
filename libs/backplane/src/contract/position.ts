/**
 * A place in the log of a room. Offsets say how far, the epoch says in which log: the two belong together, and neither is
 * ever stored, compared or replaced without the other.
 *
 * @publicApi
 */
export interface Position {
  /** Opaque, never empty. Another epoch means that the offsets of before may be given again. */
  readonly epoch: string;
  /** Number of the last publication; the first one of a log is 1, and 0 is the place before it. */
  readonly offset: number;
}

/**
 * One item in the log of a room, at its position. In rooms without history there are no positions: the epoch is empty and
 * the offset 0.
 *
 * @publicApi
 */
export interface Publication extends Position {
  readonly room: string;
  /** When it was stored, in milliseconds since the Unix epoch by the clock of the engine. For age and lag, never for order. */
  readonly at: number;
  /** What was published. Nobody changes these bytes. */
  readonly item: Uint8Array;
}

/** Whether both name the same place of the same log. */
export function isSamePosition(one: Position, other: Position): boolean {
  return one.offset === other.offset && one.epoch === other.epoch;
}
