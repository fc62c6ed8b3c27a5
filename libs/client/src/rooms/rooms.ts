import {
  type Envelope,
  isReserved,
  type JoinedData,
  type LeftData,
  type SessionData,
  type SkipData,
} from '@holdfast/protocol';
import type { RoomsModule, RoomsOwner, RoomsPart } from '../rooms-port.js';
import { Room, type RoomEnvelope, type RoomEvents } from './room.js';
import type { RoomsApi } from './rooms-api.js';
import { type ClientSession, type SessionStorage, type StoredRoom, takeStored } from './session.js';

/** Publications to several rooms that are remembered, so that a member of two of them gets each once. */
const mostKnown = 1_000;

/** By type only: the catalogue would be half of what browsers load. */
const sessionTaken = 4409;

/**
 * Options of {@link rooms}.
 *
 * @publicApi
 */
export interface RoomsOptions {
  /** The session of a client that has ended, see `client.session`. Default: none. */
  readonly session?: ClientSession | undefined;
  /**
   * Keeps the session while the page reloads: `sessionStorage`. Not `localStorage`, which all tabs share. Default: a
   * page that reloads begins anew.
   */
  readonly storage?: SessionStorage | undefined;
}

/**
 * Rooms for a client: `createClient(url, { rooms: rooms() })` gives it `client.room(name)`.
 *
 * @publicApi
 */
export function rooms(options: RoomsOptions = {}): RoomsModule {
  return { attach: (owner) => new Rooms(owner, options) };
}

class Rooms implements RoomsPart {
  readonly api: RoomsApi;
  readonly #owner: RoomsOwner;
  readonly #rooms = new Map<string, Room>();
  readonly #known = new Set<string>();
  /** Called once the server has said of each room where it goes on. */
  #settled: (() => void) | undefined;
  /** Null: none yet. */
  #id: string | null = null;

  constructor(owner: RoomsOwner, { storage, session }: RoomsOptions) {
    this.#owner = owner;
    const current = (): ClientSession | undefined => this.#session;
    this.api = {
      room: <E extends RoomEvents>(name: string) => {
        const room = this.#room(name);
        room.isAsked = true;
        return room as Room<E>;
      },
      get session() {
        return current();
      },
    };
    const key = `holdfast ${owner.url}`;
    const from = session ?? (storage && takeStored(storage, key));
    this.#id = from?.id ?? null;
    for (const [name, stored] of Object.entries(from?.rooms ?? {})) this.#room(name, stored);
    if (storage) addEventListener('pagehide', () => storage.setItem(key, JSON.stringify(this.#session)));
  }

  hello(): object {
    const positions = [...this.#rooms.values()].flatMap((room) => room.present() ?? []);
    return { session: this.#id, positions };
  }

  receive(envelope: Envelope, isRetired: boolean): boolean {
    const { event, data, id } = envelope;
    if (!isReserved(event)) {
      const room = this.#rooms.get(envelope.room ?? '');
      // Those of rooms that nobody has asked for go to the listeners of the client.
      return room !== undefined && (!isUsable(envelope) || !room.publication(envelope, isRetired) || room.isAsked);
    }
    // The present connection says where rooms go on.
    if (isRetired) return false;
    // Safe: what the server says of a room names it, and a room of no name is not there.
    const told = (data ?? {}) as RoomFrameData;
    const { room: name = '' } = told;
    const room = this.#rooms.get(name) ?? (event === '$joined' && id === undefined ? this.#room(name) : undefined);
    if (!room || !isUsable(told)) return false;
    if (event === '$joined') room.joined(told as JoinedData, id !== undefined);
    else if (event === '$skip') room.skip(told as SkipData);
    else if (event === '$degraded' || event === '$restored') room.degraded(event === '$degraded');
    // The answer to a `$leave` of this client has an id.
    else if (event === '$left' && id === undefined) room.left((told as LeftData).reason);
    else return false;
    this.#tellSettled();
    return true;
  }

  welcomed(session: SessionData | undefined, settled: () => void): void {
    this.#id = session?.id ?? null;
    this.#settled = settled;
    for (const room of this.#rooms.values()) room.welcomed(session !== undefined, session?.resumed === true);
    this.#tellSettled();
  }

  lost(code: number | undefined): void {
    // Another client has it: to claim it back would go on for ever (PROTOCOL.md 18.7).
    if (code === sessionTaken) this.#id = null;
    for (const room of this.#rooms.values()) room.lost();
  }

  #tellSettled(): void {
    if (!this.#settled) return;
    for (const { isAsking } of this.#rooms.values()) if (isAsking) return;
    this.#settled();
    this.#settled = undefined;
  }

  get #session(): ClientSession | undefined {
    const stored: Record<string, StoredRoom> = {};
    for (const { name, position, isOfServer } of this.#rooms.values()) {
      if (position) stored[name] = { ...position, isOfServer };
    }
    return this.#id === null ? undefined : { id: this.#id, rooms: stored };
  }

  #room(name: string, stored?: StoredRoom): Room {
    const room =
      this.#rooms.get(name) ?? new Room(this.#owner, name, (publication) => this.#isKnown(publication), stored);
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

type RoomFrameData = { room?: string } & Partial<JoinedData & SkipData & LeftData>;

/** Whether the numbers are some: what a defective server sends must not become a position. */
function isUsable({ epoch, ...numbers }: Partial<Pick<RoomEnvelope, 'epoch' | 'offset'>> & RoomNumbers): boolean {
  const { offset = 0, top = 0, undone = 0, dropped = 0 } = numbers;
  return (
    [offset, top, undone, dropped].every((number) => Number.isSafeInteger(number) && number >= 0) &&
    (epoch === undefined || typeof epoch === 'string')
  );
}

interface RoomNumbers {
  top?: number;
  undone?: number;
  dropped?: number;
}
