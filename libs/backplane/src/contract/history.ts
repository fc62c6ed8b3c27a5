/**
 * How much of a room is kept. An engine MUST keep at least the newest `size` items, as long as they are not older than
 * `ttlMs` and not larger than `maxBytes` together; it MAY keep more. All nodes MUST use the same values for a room.
 *
 * @publicApi
 */
export interface History {
  /**
   * Number of items. 0: nothing is stored and there are no positions (`ephemeral`). 1: only the latest item matters
   * (`latest`). More: a `log`. See {@link RoomKind}.
   */
  readonly size: number;
  /** Age in milliseconds. Not used when `size` is 0. */
  readonly ttlMs: number;
  /** Sum of the bytes of the items. Default: Infinity. */
  readonly maxBytes?: number;
}

/**
 * What a room guarantees:
 *
 * - `ephemeral`: each publication is delivered at most once, to those who are members at that moment;
 * - `latest`: every member gets the newest item in the end, and may miss older ones;
 * - `log`: every member gets every item once and in order, or is told how many items are missing and why.
 *
 * @publicApi
 */
export type RoomKind = 'ephemeral' | 'latest' | 'log';

/**
 * The kind of a room with this history.
 *
 * @publicApi
 */
export function roomKindOf({ size }: History): RoomKind {
  if (size === 0) return 'ephemeral';
  return size === 1 ? 'latest' : 'log';
}
