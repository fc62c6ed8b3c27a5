/**
 * A place in the log of a room. The two belong together: never store or compare one without the other.
 *
 * @publicApi
 */
export interface RoomPosition {
  readonly epoch: string;
  readonly offset: number;
}

/**
 * - `left`: not a member, and does not want to be;
 * - `joining`: the server has not answered yet, or there is no connection;
 * - `recovering`: is a member again, and gets what it has missed;
 * - `joined`: gets everything that is published;
 * - `degraded`: publications may be late, because what the server needs for them is away;
 * - `refused`: the server does not let this client join.
 *
 * @publicApi
 */
export type RoomState = 'left' | 'joining' | 'recovering' | 'joined' | 'degraded' | 'refused';

/**
 * Where a publication comes from.
 *
 * @publicApi
 */
export interface RoomPlace {
  /** Absent in rooms without history. */
  readonly epoch?: string;
  /** Absent in rooms without history. */
  readonly offset?: number;
  /** It was published while this client was away. */
  readonly recovered: boolean;
}

/**
 * One event of a room.
 *
 * @publicApi
 */
export interface RoomPublication extends RoomPlace {
  readonly event: string;
  readonly data: unknown;
}

/**
 * Events of the room itself. Their names begin with `$`, which no event of an application does.
 *
 * @publicApi
 */
export interface OwnRoomEvents {
  /** The state has changed. */
  $state: RoomState;
  /** After a time away, all that was missed has been delivered: so many publications. */
  $recovered: { readonly count: number };
  /**
   * Publications were missed that the server cannot deliver, because of `reason` (PROTOCOL.md 17.5). Load what you show
   * anew: the room goes on after `position`.
   */
  $unrecovered: { readonly reason: string; readonly position: RoomPosition };
  /** The server has lost so many publications that this client has seen. */
  $undone: { readonly count: number };
  /** The server has dropped so many publications, because this client did not read fast enough. */
  $skipped: { readonly count: number };
}
