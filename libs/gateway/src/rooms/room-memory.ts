import type { Position } from '@holdfast/backplane';
import type { Link } from '../connection/index.js';

/** A room that a client returns to. */
export interface ReturningRoom {
  readonly room: string;
  /** What the client has of it; null: nothing. */
  readonly since: Position | null;
  /** The application had joined it, and not the client itself. */
  readonly isOfServer: boolean;
}

/** Remembers beyond a connection which rooms the application has joined a client to. */
export interface RoomMemory {
  /** Where the client goes on in a room; undefined: it returns from nowhere. */
  positionOf(link: Link, room: string): Position | null | undefined;
  /** Whether there is nothing to remember: the room is, or the client has no session. */
  knows(link: Link, room: string): boolean;
  /**
   * The application joins the client to a room.
   *
   * @returns once it is stored.
   * @throws (rejects with) BackplaneError
   */
  remember(link: Link, room: string, at: Position | null): Promise<void>;
  /** The client is to be no member any more, whoever has joined it. */
  forget(link: Link, room: string): void;
  /** The rooms that the client returns to. The second call returns none. */
  takeReturning(link: Link): readonly ReturningRoom[];
}
