import type { Position } from '@holdfast/backplane';
import type { Connection, ConnectionRegistry } from '../connection/index.js';
import { ConnectionRooms } from './connection-rooms.js';
import { readItem } from './publication-item.js';
import { unavailable } from './room-errors.js';
import { RoomNames } from './room-name.js';
import type { RoomPosition } from './room-position.js';
import { RoomTarget, type RoomTargetParts } from './room-target.js';

/**
 * A publication, as {@link Rooms.history} returns it.
 *
 * @publicApi
 */
export interface RoomPublication extends Position {
  readonly event: string;
  readonly data: unknown;
  /** When it was stored, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/**
 * Publications after a position, or why they are not all known: `epoch`, `trimmed` or `future` (PROTOCOL.md 17.5).
 *
 * @publicApi
 */
export type RoomHistory =
  | {
      readonly recovered: true;
      readonly position: RoomPosition;
      readonly publications: readonly RoomPublication[];
      /** There are more: read on after the last one. */
      readonly more: boolean;
    }
  | { readonly recovered: false; readonly position: RoomPosition; readonly reason: 'epoch' | 'trimmed' | 'future' };

/** The most publications that one call of {@link Rooms.history} returns. */
const longestPage = 1_000;

/**
 * Rooms: names to which connections belong, and to which events are published. Inject it anywhere.
 *
 * ```ts
 * await this.rooms.to('orders/42').emit('shipped', { at: Date.now() });
 * ```
 *
 * Members and counts are those of this node.
 *
 * @typeParam Events - the events that are published, by name, with their data.
 * @publicApi
 */
export class Rooms<Events extends object = Record<string, unknown>> {
  readonly #parts: RoomTargetParts;
  readonly #names: RoomNames;
  readonly #registry: ConnectionRegistry;

  /** @internal HoldfastModule creates it. */
  constructor(parts: RoomTargetParts, registry: ConnectionRegistry) {
    this.#parts = parts;
    this.#names = new RoomNames(parts.limits);
    this.#registry = registry;
  }

  /**
   * Chooses where to publish: one room, or several. A member of several of them gets the event once, in the first of
   * them that it is in.
   *
   * @throws HoldfastException `INVALID_ROOM`
   */
  to(room: string): RoomTarget<Events, RoomPosition | null>;
  to(rooms: readonly string[]): RoomTarget<Events, readonly (RoomPosition | null | Error)[]>;
  to(
    rooms: string | readonly string[],
  ): RoomTarget<Events, RoomPosition | null> | RoomTarget<Events, readonly (RoomPosition | null | Error)[]> {
    const names = typeof rooms === 'string' ? [rooms] : rooms;
    for (const name of names) this.#check(name);
    return typeof rooms === 'string'
      ? new RoomTarget(this.#parts, names, onlyResult)
      : new RoomTarget(this.#parts, names, (results) => results);
  }

  /** Sends an event to every connection of a principal on this node. Returns how many took it. */
  toPrincipal<K extends keyof Events & string>(subject: string, event: K, data: Events[K]): number {
    let taken = 0;
    for (const connection of this.#registry.ofPrincipal(subject)) if (connection.emit(event, data)) taken++;
    return taken;
  }

  /** The connections of this node that are members of a room. */
  members(room: string): Connection[] {
    return [...this.#parts.hub.members(room)].flatMap(({ member }) =>
      member instanceof ConnectionRooms ? [member.link.connection] : [],
    );
  }

  /** Number of members on this node. */
  count(room: string): number {
    return this.#parts.hub.count(room);
  }

  /**
   * The present position of a room, to read a state from a database and then follow the room from there. Null in a room
   * without history.
   *
   * @throws (rejects with) HoldfastException `INVALID_ROOM`, `UNAVAILABLE`
   */
  async position(room: string): Promise<RoomPosition | null> {
    this.#check(room);
    const position = await this.#parts.hub.open(room).catch(unavailable);
    return position && { room, ...position };
  }

  /**
   * Reads publications after a position, the oldest first.
   *
   * @param limit - 1 to 1,000. Default 100.
   * @throws (rejects with) HoldfastException `INVALID_ROOM`, `UNAVAILABLE`
   */
  async history(
    room: string,
    { since, limit = 100 }: { readonly since: Position; readonly limit?: number },
  ): Promise<RoomHistory> {
    this.#check(room);
    const page = { items: Math.min(Math.max(1, Math.trunc(limit)), longestPage), bytes: Infinity };
    const read = await this.#parts.hub.read(room, since, page).catch(unavailable);
    const position = { room, ...read.top };
    if (!read.whole) return { recovered: false, position, reason: read.reason };
    const publications = read.items.map(({ epoch, offset, at, item }) => {
      // Safe: an item is an envelope without its closing brace.
      const { event, data } = JSON.parse(`${readItem(item).body}}`) as { event: string; data: unknown };
      return { event, data, epoch, offset, at };
    });
    return { recovered: true, position, publications, more: read.more };
  }

  /**
   * Closes every connection of this node that is a member of a room.
   *
   * @param code - see {@link Connection.close}. Default 1000.
   * @returns how many were closed
   */
  disconnect(room: string, code?: number, reason?: string): number {
    const members = this.members(room);
    for (const member of members) member.close(code, reason);
    return members.length;
  }

  #check(room: string): void {
    this.#names.check(room);
  }
}

function onlyResult([only]: readonly (RoomPosition | null | Error)[]): RoomPosition | null {
  if (only instanceof Error) throw only;
  return only ?? null;
}
