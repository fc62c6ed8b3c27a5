/** The rooms of one connection. */
export interface OwnRooms {
  /** Of those that it is a member of. */
  readonly names: ReadonlySet<string>;
  join(room: string): Promise<void>;
  leave(room: string): void;
}

/**
 * Where a connection finds its rooms.
 *
 * @typeParam Link - a parameter, because links know this port.
 */
export interface RoomsPort<Link> {
  of(link: Link): OwnRooms;
}
