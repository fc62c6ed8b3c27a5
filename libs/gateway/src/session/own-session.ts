import type { Lease, Position, Session } from '@holdfast/backplane';
import type { PresentedPosition } from '@holdfast/protocol';
import type { ReturningRoom } from '../rooms/index.js';

/** The session of one connection. */
export class OwnSession {
  /** Rooms that the application has joined, and where. */
  readonly #rooms = new Map<string, Position | null>();
  /** What the client has presented, until its rooms are restored. */
  #presented: Map<string, Position | null> | undefined;

  /** @param claimed - undefined: the session is new. */
  constructor(
    readonly lease: Lease,
    claimed: Session | undefined,
    positions: readonly PresentedPosition[],
  ) {
    for (const [room, { at, by }] of claimed?.rooms ?? []) if (by === 'server') this.#rooms.set(room, at);
    this.#presented = new Map(positions.map((presented) => [presented.room, positionIn(presented)]));
  }

  has(room: string): boolean {
    return this.#rooms.has(room);
  }

  add(room: string, at: Position | null): void {
    this.#rooms.set(room, at);
  }

  /** @returns whether it was there. */
  delete(room: string): boolean {
    this.#presented?.delete(room);
    return this.#rooms.delete(room);
  }

  /** Undefined where nothing is known of the room, or once {@link takeReturning} was called. */
  positionOf(room: string): Position | null | undefined {
    return this.#presented && (this.#presented.get(room) ?? this.#rooms.get(room));
  }

  takeReturning(): ReturningRoom[] {
    const names = this.#presented && new Set([...this.#rooms.keys(), ...this.#presented.keys()]);
    const returning = [...(names ?? [])].map((room) => ({
      room,
      since: this.positionOf(room) ?? null,
      isOfServer: this.#rooms.has(room),
    }));
    this.#presented = undefined;
    return returning;
  }
}

function positionIn({ epoch, offset }: PresentedPosition): Position | null {
  return epoch === undefined || offset === undefined ? null : { epoch, offset };
}
