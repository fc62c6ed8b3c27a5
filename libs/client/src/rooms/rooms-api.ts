import type { Room, RoomEvents } from './room.js';
import type { ClientSession } from './session.js';

/**
 * What a client with the option `rooms` has besides.
 *
 * @publicApi
 */
export interface RoomsApi {
  /** The room of that name, the same object each time. It is not joined by this. */
  room<E extends RoomEvents = Record<string, unknown>>(name: string): Room<E>;
  /**
   * What another client needs to go on where this one has stopped, such as after a reload of the page; undefined
   * without a session of the server.
   */
  readonly session: ClientSession | undefined;
}
