import type { Position } from '@holdfast/backplane';
import { type ErrorData, type LeftData, ReservedEvent } from '@holdfast/protocol';
import type { Counters } from '../telemetry/index.js';
import type { ConnectionRooms } from './connection-rooms.js';
import type { RoomDecisions } from './room-decisions.js';
import type { ReturningRoom, RoomMemory } from './room-memory.js';
import type { RoomNames } from './room-name.js';

export interface RoomReturnParts {
  readonly decisions: RoomDecisions;
  readonly memory: RoomMemory;
  readonly counters: Counters;
  readonly names: RoomNames;
  /** Joins. @throws HoldfastException */
  readonly enter: (rooms: ConnectionRooms, room: string, since: Position | null) => void;
}

/** Brings a client back into the rooms of its session, and into those that it has presented (PROTOCOL.md 18.5). */
export class RoomReturn {
  constructor(private readonly parts: RoomReturnParts) {}

  /** Rooms that a connection hook has joined are not touched. Each other one is answered, whatever becomes of it. */
  restore(rooms: ConnectionRooms, all: readonly ReturningRoom[]): void {
    for (const returning of all) {
      if (rooms.get(returning.room)) continue;
      try {
        this.#restore(rooms, returning);
      } catch (error) {
        rooms.tellLeft(this.#refused(rooms, returning, this.parts.decisions.account(error)));
      }
    }
  }

  #restore(rooms: ConnectionRooms, returning: ReturningRoom): void {
    const { decisions, counters, enter } = this.parts;
    const { room, since, isOfServer } = returning;
    this.parts.names.check(room);
    const allowed = (): void => enter(rooms, room, since);
    if (decisions.has(rooms, room)) {
      const refuse = (error: ErrorData): { event: string; data: LeftData } => ({
        event: ReservedEvent.left,
        data: this.#refused(rooms, returning, error),
      });
      decisions.ask({ rooms, room, id: undefined, allowed, refuse });
    } else if (isOfServer) {
      // The application has decided when it joined the client.
      allowed();
    } else {
      counters.add('unrecovered', 'session');
      rooms.tellLeft({ room, reason: 'session' });
    }
  }

  #refused({ link }: ConnectionRooms, { room }: ReturningRoom, { code }: ErrorData): LeftData {
    if (code !== 'FORBIDDEN' && code !== 'UNAUTHORIZED') return { room, reason: 'failed' };
    this.parts.counters.add('unrecovered', 'forbidden');
    this.parts.memory.forget(link, room);
    return { room, reason: 'forbidden' };
  }
}
