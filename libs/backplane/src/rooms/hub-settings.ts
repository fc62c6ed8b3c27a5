/**
 * How much a hub keeps, and how patient it is. Each has a default.
 *
 * @publicApi
 */
export interface HubSettings {
  /** Rooms with members on this node, and those whose last member has just left. Beyond it `join` throws `FULL`. Default 100,000. */
  readonly maxRooms: number;
  /** Deliveries of a room kept while it is read; what comes beyond it is dropped and read. Default 64. */
  readonly stashItems: number;
  /** Newest publications of a room kept for members that catch up. Default 128. */
  readonly ringItems: number;
  /** Milliseconds for which they are kept, at least; twice as much at most. Default 2,000. */
  readonly ringMs: number;
  /** Bytes of all of them on this node. Beyond it the ring that was filled first is emptied. Default 32 MiB. */
  readonly ringBytes: number;
  /** Items of one read from the log. Default 100. */
  readonly pageItems: number;
  /** Bytes of one read from the log; one item may exceed it. Default 256 KiB. */
  readonly pageBytes: number;
  /** Reads in flight on this node; others wait for them. Default 500. */
  readonly maxReads: number;
  /** Items of one publish to the engine. Default 64. */
  readonly batchItems: number;
  /** Bytes of one publish to the engine; one item may exceed it. Default 256 KiB. */
  readonly batchBytes: number;
  /** Bytes of items on this node that wait for the engine or are on their way to it. Beyond it `publish` rejects with `FULL`. Default 16 MiB. */
  readonly pendingBytes: number;
  /** Milliseconds for which a room without members stays watched; up to five times as long. Default 1,000. */
  readonly lingerMs: number;
  /** Milliseconds within which the position of each quiet room is compared with the log once. Default 40,000. */
  readonly checkMs: number;
  /** Milliseconds for which a room that seems to be behind has to stay so before it is read. Default 1,000. */
  readonly confirmMs: number;
  /** Milliseconds until a read that failed is repeated: doubled each time up to {@link maxRetryMs}, half of it at random. Default 100. */
  readonly retryMs: number;
  /** Default 5,000. */
  readonly maxRetryMs: number;
  /** Milliseconds between two looks at what is due. Default 250. */
  readonly tickMs: number;
}

export const defaultHubSettings: HubSettings = {
  maxRooms: 100_000,
  stashItems: 64,
  ringItems: 128,
  ringMs: 2_000,
  ringBytes: 32 * 1024 * 1024,
  pageItems: 100,
  pageBytes: 256 * 1024,
  maxReads: 500,
  batchItems: 64,
  batchBytes: 256 * 1024,
  pendingBytes: 16 * 1024 * 1024,
  lingerMs: 1_000,
  checkMs: 40_000,
  confirmMs: 1_000,
  retryMs: 100,
  maxRetryMs: 5_000,
  tickMs: 250,
};
