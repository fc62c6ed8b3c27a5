/**
 * Limits and times of a hub.
 *
 * @publicApi
 */
export interface HubSettings {
  /**
   * Rooms on this node, with members or left a moment ago. Beyond it `join` and `open` fail with `FULL`. Default
   * 100,000.
   */
  readonly maxRooms: number;
  /** Deliveries per room that are kept while its log is read. Beyond it they are dropped and read again. Default 64. */
  readonly stashItems: number;
  /** Newest publications per room that are kept in memory (the ring) for members that catch up. Default 128. */
  readonly ringItems: number;
  /** Milliseconds for which a publication stays in the ring, at least; at most twice as long. Default 2,000. */
  readonly ringMs: number;
  /** Bytes of all rings on this node. Beyond it the ring that was filled first is emptied. Default 32 MiB. */
  readonly ringBytes: number;
  /** Items per read. Default 100. */
  readonly pageItems: number;
  /** Bytes per read; a single item may exceed it. Default 256 KiB. */
  readonly pageBytes: number;
  /** Concurrent reads on this node; further reads wait. Default 500. */
  readonly maxReads: number;
  /** Items that are published to the engine in one call. Default 64. */
  readonly batchItems: number;
  /** Bytes that are published to the engine in one call; a single item may exceed it. Default 256 KiB. */
  readonly batchBytes: number;
  /**
   * Bytes of publications on this node that the engine has not confirmed. Beyond it `publish` rejects with `FULL`.
   * Default 16 MiB.
   */
  readonly pendingBytes: number;
  /**
   * Milliseconds for which a room without members is still watched, at least; at most five times as long. Default
   * 1,000.
   */
  readonly lingerMs: number;
  /** Milliseconds between two position checks of a room. Default 40,000. */
  readonly checkMs: number;
  /** Milliseconds for which a position must differ from the log before the log is read. Default 1,000. */
  readonly confirmMs: number;
  /**
   * Milliseconds until a failed read is repeated, with jitter; doubled after each failure up to {@link maxRetryMs}.
   * Default 100.
   */
  readonly retryMs: number;
  /** Longest delay before a failed read is repeated, in milliseconds. Default 5,000. */
  readonly maxRetryMs: number;
  /** Milliseconds between two ticks of the hub's timer: deadlines are late by at most this. Default 250. */
  readonly tickMs: number;
}

const defaults: HubSettings = {
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

/**
 * Completes settings by their defaults.
 *
 * @throws RangeError when a value is not a number above 0, or is no setting
 */
export function resolveHubSettings(given: {
  readonly [Name in keyof HubSettings]?: HubSettings[Name] | undefined;
}): HubSettings {
  const settings = { ...defaults };
  for (const [name, value] of Object.entries<unknown>(given)) {
    if (!(name in defaults)) {
      throw new RangeError(`${name} is not a setting of a hub; settings are ${Object.keys(defaults).join(', ')}`);
    }
    if (value === undefined) continue;
    if (typeof value !== 'number' || !(value > 0)) {
      throw new RangeError(`${name} must be a number above 0, not ${typeof value === 'number' ? value : typeof value}`);
    }
    Object.assign(settings, { [name]: value });
  }
  return settings;
}
