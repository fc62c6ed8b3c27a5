import type { RoomLimitOptions } from './room-options.js';

/** {@link RoomLimitOptions} with every default filled in. */
export type RoomLimits = Readonly<Required<RoomLimitOptions>>;

export const roomLimitDefaults: RoomLimits = {
  perConnection: 100,
  perNode: 100_000,
  nameLength: 128,
  nameCharacters: 'A-Za-z0-9_.:@!~,;=+$-',
  joinsPerSecond: 100,
  publicationBytes: 65_536,
  historyBytes: 268_435_456,
  pendingBytes: 16_777_216,
  stalledMs: 60_000,
};
