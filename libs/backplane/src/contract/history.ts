/**
 * What is kept of a room. At least the newest `size` items that are not older than `ttlMs` and together not larger than
 * `maxBytes` MUST be kept; more MAY be. The node that publishes and the nodes that read give the same values.
 *
 * @publicApi
 */
export interface History {
  /**
   * Number of items.
   * 0: nothing is stored, and there are no positions. 1: only the latest item has a meaning; what came before it is no loss.
   */
  readonly size: number;
  /** Age in milliseconds. It has no meaning where `size` is 0. */
  readonly ttlMs: number;
  /** Sum of the bytes of the items. Default: Infinity. */
  readonly maxBytes?: number;
}

/**
 * What rooms with this history promise:
 *
 * - `ephemeral`: a publication reaches those who are there, at most once;
 * - `latest`: every member has the newest item in the end, and may never see one that came before it;
 * - `log`: every member gets every item in order, or learns which are missing and why.
 *
 * @publicApi
 */
export type RoomKind = 'ephemeral' | 'latest' | 'log';

/** What a room with this history promises. @publicApi */
export function roomKindOf({ size }: History): RoomKind {
  if (size === 0) return 'ephemeral';
  return size === 1 ? 'latest' : 'log';
}
