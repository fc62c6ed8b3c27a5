import { createMeter, type Meter, type Position, type RoomHub, roomKindOf } from '@holdfast/backplane';
import {
  type JoinData,
  type LeaveData,
  parseJoin,
  parseLeave,
  type ParseResult,
  ReservedEvent,
} from '@holdfast/protocol';
import {
  GatewayFeature,
  type Link,
  LinkField,
  type LinkObserver,
  type OwnRooms,
  type RoomsPort,
} from '../connection/index.js';
import type { FrameReply, ReceivesFrames } from '../dispatch/index.js';
import { HoldfastException, RateLimitException } from '../errors/index.js';
import type { Clock } from '../ground/index.js';
import { ConnectionRooms, type ConnectionRoomsParts, type RoomTally } from './connection-rooms.js';
import { RoomDecisions, type RoomDecisionsParts } from './room-decisions.js';
import { unavailable } from './room-errors.js';
import type { RoomMemory } from './room-memory.js';
import { RoomNames } from './room-name.js';
import type { RoomPolicies } from './room-policies.js';
import { RoomReturn } from './room-return.js';

type RequestId = string | number | undefined;

/** Requests that may wait for the connection hooks of their client. */
const mostEarly = 256;

export interface RoomMembershipsParts extends ConnectionRoomsParts, RoomDecisionsParts {
  readonly hub: RoomHub;
  readonly policies: RoomPolicies;
  readonly memory: RoomMemory;
  readonly clock: Clock;
}

/** Which connection is in which room: joins by the server and by SDK clients, and their end. */
@GatewayFeature('rooms')
export class RoomMemberships implements LinkObserver, ReceivesFrames, RoomsPort<Link> {
  readonly reservedFrames = {
    [ReservedEvent.join]: (reply: FrameReply, data: unknown, id: RequestId): void =>
      this.#receive(reply, parseJoin(data), id, (join) => this.#requested(reply, join, id)),
    [ReservedEvent.leave]: (reply: FrameReply, data: unknown, id: RequestId): void =>
      this.#receive(reply, parseLeave(data), id, (leave) => this.#left(reply, leave, id)),
  };
  readonly #rooms = new LinkField<ConnectionRooms>('rooms');
  readonly #rates = new LinkField<Meter>('joinRate');
  /** What was asked for before the connection hooks had finished. */
  readonly #early = new LinkField<(() => void)[]>('earlyJoins');

  /** Joins that wait until the client is let in. */
  readonly #unadmitted = new LinkField<(() => void)[]>('unadmittedJoins');
  readonly tally: RoomTally;
  readonly #decisions: RoomDecisions;
  readonly #return: RoomReturn;
  readonly #names: RoomNames;

  constructor(private readonly parts: RoomMembershipsParts) {
    this.tally = parts.tally;
    this.#decisions = new RoomDecisions(parts);
    const { memory, counters, limits } = parts;
    this.#names = new RoomNames(limits);
    this.#return = new RoomReturn({
      ...{ decisions: this.#decisions, memory, counters, names: this.#names },
      enter: (rooms, room, since) => this.#enter(rooms.link, room, since),
    });
  }

  /** @throws HoldfastException `INVALID_ROOM`, `TOO_MANY_ROOMS`, `UNAVAILABLE` */
  async #join(link: Link, room: string): Promise<void> {
    this.#names.check(room);
    // A client that was not welcomed yet would take what a room sends for a breach of the protocol (PROTOCOL.md 6.2).
    if (!link.isAdmitted) await this.#admission(link);
    const rooms = this.#of(link);
    // A room that the client has joined by itself is not in its session yet.
    if (link.state === 'closed' || (rooms.get(room) && this.parts.memory.knows(link, room))) return;
    rooms.beginEntering(room);
    const since = this.parts.memory.positionOf(link, room) ?? (await this.#newPosition(room).catch(unavailable));
    await this.parts.memory.remember(link, room, since).catch(unavailable);
    this.#remembered(link, room, since);
  }

  /** In the meantime the room may have been left, or joined by another call. */
  #remembered(link: Link, room: string, since: Position | null): void {
    const rooms = this.#of(link);
    const isWanted = rooms.endEntering(room);
    if (link.isEnding || rooms.get(room)) return;
    try {
      if (isWanted) this.#enter(link, room, since);
      else this.parts.memory.forget(link, room);
    } catch (error) {
      this.parts.memory.forget(link, room);
      throw error;
    }
  }

  #admission(link: Link): Promise<void> {
    return new Promise((resolve) => this.#unadmitted.set(link, [...(this.#unadmitted.get(link) ?? []), resolve]));
  }

  /** A new member of a room that keeps the newest publication gets that one. */
  async #newPosition(room: string): Promise<Position | null> {
    const position = await this.parts.hub.open(room);
    return roomKindOf(this.parts.policies.of(room).history) === 'latest' ? null : position;
  }

  #leave(link: Link, room: string): void {
    this.parts.memory.forget(link, room);
    if (this.#rooms.get(link)?.leave(room)) this.#rooms.get(link)?.tellLeft({ room });
  }

  of(link: Link): OwnRooms {
    const names = (): ReadonlySet<string> => new Set(this.#rooms.get(link)?.names);
    return {
      get names() {
        return names();
      },
      join: (room) => this.#join(link, room),
      leave: (room) => this.#leave(link, room),
    };
  }

  admitted(link: Link): void {
    for (const resolve of this.#unadmitted.get(link) ?? []) resolve();
    this.#unadmitted.set(link, undefined);
  }

  opened(link: Link): void {
    const returning = this.parts.memory.takeReturning(link);
    // A connection that is in no room costs nothing.
    if (returning.length > 0) this.#return.restore(this.#of(link), returning);
    const early = this.#early.get(link) ?? [];
    this.#early.set(link, undefined);
    for (const ask of early) ask();
  }

  congested(link: Link, isCongested: boolean): void {
    this.#rooms.get(link)?.congested(isCongested);
  }

  ended(link: Link): void {
    this.#rooms.get(link)?.endAll();
    this.admitted(link);
    for (const field of [this.#rooms, this.#rates, this.#early]) field.set(link, undefined);
  }

  #receive<T extends JoinData | LeaveData>(
    reply: FrameReply,
    data: ParseResult<T>,
    id: RequestId,
    use: (value: T) => void,
  ): void {
    if (data.ok) {
      this.#answering(reply, id, () => {
        this.#names.check(data.value.room);
        use(data.value);
      });
    } else {
      reply.violate(data.error.code, data.error.message, id);
    }
  }

  /** What `task` throws is the answer. */
  #answering(reply: FrameReply, id: RequestId, task: () => void): void {
    try {
      task();
    } catch (error) {
      reply.answer({ event: ReservedEvent.error, data: this.#decisions.account(error) }, id);
    }
  }

  #requested(reply: FrameReply, join: JoinData, id: RequestId): void {
    const { link } = reply;
    this.#limitRate(link);
    this.#inOrder(link, () => this.#answering(reply, id, () => this.#authorise(link, join, id)));
  }

  /** A member that asks again, because it has found a hole, is a member still. */
  #authorise(link: Link, { room, since }: JoinData, id: RequestId): void {
    if (this.#of(link).get(room)) {
      this.#enter(link, room, since ?? null, id);
      return;
    }
    const allowed = (): void => this.#enter(link, room, since ?? null, id);
    this.#decisions.ask({ rooms: this.#of(link), room, id, allowed });
  }

  #enter(link: Link, room: string, since: Position | null, id?: RequestId): void {
    const rooms = this.#of(link);
    if (!rooms.end(room) && rooms.size >= this.parts.limits.perConnection) throw this.#decisions.tooMany();
    rooms.answerJoin(room, id);
    try {
      rooms.add(room, this.parts.hub.join(room, rooms, since));
    } catch (error) {
      rooms.end(room);
      unavailable(error);
    }
  }

  #left(reply: FrameReply, { room }: LeaveData, id: RequestId): void {
    this.#inOrder(reply.link, () => {
      this.parts.memory.forget(reply.link, room);
      this.#rooms.get(reply.link)?.leave(room);
      reply.answer(leftFrame(room), id);
    });
  }

  /** What is asked for before the connection hooks have finished waits for them. */
  #inOrder(link: Link, ask: () => void): void {
    if (link.state === 'open') {
      ask();
      return;
    }
    const early = this.#early.get(link) ?? [];
    if (early.length >= mostEarly) throw new HoldfastException('RATE_LIMITED', 'The connection is not set up yet');
    this.#early.set(link, early);
    early.push(ask);
  }

  #of(link: Link): ConnectionRooms {
    const rooms = this.#rooms.get(link) ?? new ConnectionRooms(link, this.parts);
    this.#rooms.set(link, rooms);
    return rooms;
  }

  /** @throws RateLimitException */
  #limitRate(link: Link): void {
    const { clock, limits } = this.parts;
    if (limits.joinsPerSecond === Infinity) return;
    const meter = this.#rates.get(link) ?? createMeter('fixed-window', 1_000);
    this.#rates.set(link, meter);
    const { allowed, retryAfterMs } = meter.take(Math.floor(clock.now()), limits.joinsPerSecond, 1);
    if (!allowed) throw new RateLimitException(retryAfterMs);
  }
}

function leftFrame(room: string): { event: string; data: LeaveData } {
  return { event: ReservedEvent.left, data: { room } };
}
