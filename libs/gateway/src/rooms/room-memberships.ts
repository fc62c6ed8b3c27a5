import { createMeter, type Meter, type Position, type RoomHub, roomKindOf } from '@holdfast/backplane';
import {
  type ErrorData,
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
import type { Dispatcher, FrameReply, Message, ReceivesFrames } from '../dispatch/index.js';
import { HoldfastException, RateLimitException } from '../errors/index.js';
import { routeOfLink } from '../gateways/index.js';
import type { BoundedLog, Clock, TimerWheel } from '../ground/index.js';
import { accountFor, labelOf } from '../nest/index.js';
import { ConnectionRooms, type ConnectionRoomsParts } from './connection-rooms.js';
import { JoinCall } from './join-call.js';
import { unavailable } from './room-errors.js';
import { checkRoomName } from './room-name.js';
import type { RoomLimits } from './room-limits.js';
import type { RoomPolicies } from './room-policies.js';

type RequestId = string | number | undefined;

/** Requests that may wait for the connection hooks of their client. */
const mostEarly = 256;

export interface RoomMembershipsParts extends ConnectionRoomsParts {
  readonly hub: RoomHub;
  readonly policies: RoomPolicies;
  readonly dispatcher: Dispatcher;
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly log: BoundedLog;
  readonly limits: RoomLimits;
  readonly handlerTimeoutMs: number;
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

  constructor(private readonly parts: RoomMembershipsParts) {}

  /** @throws HoldfastException `INVALID_ROOM`, `TOO_MANY_ROOMS`, `UNAVAILABLE` */
  async #join(link: Link, room: string): Promise<void> {
    checkRoomName(room, this.parts.limits.nameLength);
    if (this.#of(link).get(room)) return;
    const position = await this.parts.hub.open(room).catch(unavailable);
    if (link.isEnding || this.#of(link).get(room)) return;
    const isLatest = roomKindOf(this.parts.policies.of(room).history) === 'latest';
    // A new member of a room that keeps the newest publication gets that one.
    this.#enter(link, room, isLatest ? null : position);
  }

  #leave(link: Link, room: string): void {
    if (this.#rooms.get(link)?.leave(room)) this.#tellLeft(link, room);
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

  opened(link: Link): void {
    const early = this.#early.get(link) ?? [];
    this.#early.set(link, undefined);
    for (const ask of early) ask();
  }

  congested(link: Link, isCongested: boolean): void {
    this.#rooms.get(link)?.congested(isCongested);
  }

  ended(link: Link): void {
    this.#rooms.get(link)?.endAll();
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
        checkRoomName(data.value.room, this.parts.limits.nameLength);
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
      reply.answer({ event: ReservedEvent.error, data: this.#account(error) }, id);
    }
  }

  /** What the client is told of an error, which is counted, and logged where it is ours. */
  #account(error: unknown): ErrorData {
    const { data, isFault } = accountFor(error);
    this.parts.counters.add('error', labelOf(data.code));
    if (isFault) this.parts.log.error('join', 'A client could not join a room', error);
    return data;
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
    const rule = routeOfLink(link)?.rooms.match(`/${room}`);
    if (!rule) throw new HoldfastException('FORBIDDEN', 'Clients may not join this room');
    const rooms = this.#of(link);
    if (rooms.size + rooms.pending.size >= this.parts.limits.perConnection) throw this.#tooMany();
    const { wheel, dispatcher, handlerTimeoutMs: timeoutMs } = this.parts;
    const call: JoinCall = new JoinCall(
      link,
      room,
      { wheel, timeoutMs, timeOut: (late) => dispatcher.timeOut(late), account: (error) => this.#account(error) },
      () => this.#enter(link, room, since ?? null, id),
      () => rooms.pending.delete(call),
    );
    rooms.pending.add(call);
    const data = { ...rule.params, room };
    const message: Message = { plan: rule.value, data, id, trace: undefined, frame: '', wire: undefined };
    dispatcher.start(call, message);
  }

  #enter(link: Link, room: string, since: Position | null, id?: RequestId): void {
    const rooms = this.#of(link);
    if (!rooms.end(room) && rooms.size >= this.parts.limits.perConnection) throw this.#tooMany();
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
      this.#rooms.get(reply.link)?.leave(room);
      reply.answer(leftFrame(room), id);
    });
  }

  #tellLeft(link: Link, room: string): void {
    if (link.connection.handshake.mode === 'sdk') link.send(leftFrame(room), 'answer');
  }

  #tooMany(): HoldfastException {
    const { perConnection } = this.parts.limits;
    return new HoldfastException('TOO_MANY_ROOMS', `A connection may be in ${perConnection} rooms`);
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
