import type { Position } from '@holdfast/backplane';
import type { Connection, ConnectionRegistry } from '../connection/index.js';
import { ConnectionRooms } from './connection-rooms.js';
import type { NodeCommands, Nodes, NodesOptions, NodesResult } from '../nodes/index.js';
import { itemOf, readItem } from './publication-item.js';
import { unavailable } from './room-errors.js';
import { RoomNames } from './room-name.js';
import type { RoomPosition } from './room-position.js';
import { checkEvent, RoomTarget, type RoomTargetParts } from './room-target.js';

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

const principalEvent = 'principal-event';
const disconnectRoom = 'disconnect-room';

interface RoomsNodes {
  readonly registry: ConnectionRegistry;
  readonly nodes: Nodes;
  readonly commands: NodeCommands;
}

/** The most publications that one call of {@link Rooms.history} returns. */
const longestPage = 1_000;

/**
 * Rooms: names to which connections belong, and to which events are published. Inject it anywhere.
 *
 * ```ts
 * await this.rooms.to('orders/42').emit('shipped', { at: Date.now() });
 * ```
 *
 * {@link members} and {@link count} are those of this node; all other calls are about all nodes.
 *
 * @typeParam Events - the events that are published, by name, with their data.
 * @publicApi
 */
export class Rooms<Events extends object = Record<string, unknown>> {
  readonly #parts: RoomTargetParts;
  readonly #names: RoomNames;
  readonly #nodes: Nodes;

  /** @internal HoldfastModule creates it. */
  constructor(parts: RoomTargetParts, { registry, nodes, commands }: RoomsNodes) {
    this.#parts = parts;
    this.#names = new RoomNames(parts.limits);
    this.#nodes = nodes;
    commands.handle(principalEvent, (data) => {
      // Safe: `toPrincipal` of a node has made it.
      const { subject, event, data: value } = data as { subject: string; event: string; data: unknown };
      return [...registry.ofPrincipal(subject)].filter((connection) => connection.emit(event, value)).length;
    });
    commands.handle(disconnectRoom, (data) => {
      // Safe: `disconnect` of a node has made it.
      const { room, code, reason } = data as { room: string; code?: number; reason?: string };
      const members = this.members(room);
      for (const member of members) member.close(code, reason);
      return members.length;
    });
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

  /**
   * Sends an event to every connection of a principal, on all nodes. It is not stored: a client that is away misses it.
   * Give each principal a room with a history where that matters.
   *
   * @returns which connections took it
   * @throws (rejects with) HoldfastError `INVALID_EVENT_NAME`, `INVALID_DATA`, `PUBLICATION_TOO_LARGE`;
   *   HoldfastException `UNAVAILABLE` when only the connections of this node could be reached
   */
  async toPrincipal<K extends keyof Events & string>(
    subject: string,
    event: K,
    data: Events[K],
    options?: NodesOptions,
  ): Promise<NodesResult> {
    checkEvent(event);
    // Throws for what cannot be sent: each node makes its own frame.
    itemOf(event, data, this.#parts.limits.publicationBytes);
    return await this.#nodes.everywhere(principalEvent, { subject, event, data }, options);
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
   * Closes every connection that is a member of a room, on all nodes.
   *
   * @param code - see {@link Connection.close}. Default 1000.
   * @returns how many were closed
   * @throws (rejects with) HoldfastException `INVALID_ROOM`; `UNAVAILABLE` when only those of this node could be closed
   */
  async disconnect(room: string, code?: number, reason?: string, options?: NodesOptions): Promise<NodesResult> {
    this.#check(room);
    return await this.#nodes.everywhere(disconnectRoom, { room, code, reason }, options);
  }

  #check(room: string): void {
    this.#names.check(room);
  }
}

function onlyResult([only]: readonly (RoomPosition | null | Error)[]): RoomPosition | null {
  if (only instanceof Error) throw only;
  return only ?? null;
}
