import { type Envelope, isReserved, type JoinedData, type SkipData } from '@holdfast/protocol';
import type { RoomsModule, RoomsOwner, RoomsPart } from '../rooms-port.js';
import { Room, type RoomEvents } from './room.js';
import type { RoomsApi } from './rooms-api.js';

/** Publications to several rooms that are remembered, so that a member of two of them gets each once. */
const mostKnown = 1_000;

/**
 * Rooms for a client: `createClient(url, { rooms: rooms() })` gives it `client.room(name)`.
 *
 * @publicApi
 */
export function rooms(): RoomsModule {
  return { attach: (owner) => new Rooms(owner) };
}

class Rooms implements RoomsPart {
  readonly api: RoomsApi = { room: <E extends RoomEvents>(name: string) => this.#room(name) as Room<E> };
  readonly #owner: RoomsOwner;
  readonly #rooms = new Map<string, Room>();
  readonly #known = new Set<string>();

  constructor(owner: RoomsOwner) {
    this.#owner = owner;
  }

  receive(envelope: Envelope): boolean {
    const { event, data, id } = envelope;
    if (!isReserved(event)) {
      const room = envelope.room === undefined ? undefined : this.#rooms.get(envelope.room);
      room?.publication(envelope);
      // Those of rooms that nobody has asked for go to the listeners of the client.
      return room !== undefined;
    }
    // Safe: what the server says of a room names it, and a room of no name is not there.
    const room = this.#rooms.get((data as { room?: string } | undefined)?.room ?? '');
    if (!room) return false;
    if (event === '$joined') room.joined(data as JoinedData);
    else if (event === '$skip') room.skip(data as SkipData);
    else if (event === '$degraded' || event === '$restored') room.degraded(event === '$degraded');
    // The answer to a `$leave` of this client has an id.
    else if (event === '$left' && id === undefined) room.left();
    else return false;
    return true;
  }

  welcomed(): void {
    for (const room of this.#rooms.values()) room.ask();
  }

  lost(): void {
    for (const room of this.#rooms.values()) room.lost();
  }

  #room(name: string): Room {
    const room = this.#rooms.get(name) ?? new Room(this.#owner, name, (publication) => this.#isKnown(publication));
    this.#rooms.set(name, room);
    return room;
  }

  #isKnown(publication: string): boolean {
    if (this.#known.has(publication)) return true;
    this.#known.add(publication);
    for (const oldest of this.#known) {
      if (this.#known.size <= mostKnown) break;
      this.#known.delete(oldest);
    }
    return false;
  }
}
