import type { Position } from '@holdfast/backplane';

/**
 * Where a publication is in the log of its room. Epoch and offset belong together: never store or compare one without
 * the other.
 *
 * @publicApi
 */
export interface RoomPosition extends Position {
  readonly room: string;
}
