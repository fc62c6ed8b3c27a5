import type { Room, RoomEvents } from './room.js';

/**
 * What a client with the option `rooms` has besides.
 *
 * @publicApi
 */
export interface RoomsApi {
  /** The room of that name, the same object each time. It is not joined by this. */
  room<E extends RoomEvents = Record<string, unknown>>(name: string): Room<E>;
}
