import { type ErrorData, ReservedEvent } from '@holdfast/protocol';
import type { Dispatcher, HandlerPlan, Message } from '../dispatch/index.js';
import { HoldfastException } from '../errors/index.js';
import { routeOfLink } from '../gateways/index.js';
import type { BoundedLog, TimerWheel } from '../ground/index.js';
import { accountFor, labelOf } from '../nest/index.js';
import type { Counters } from '../telemetry/index.js';
import type { ConnectionRooms } from './connection-rooms.js';
import { JoinCall } from './join-call.js';
import type { RoomLimits } from './room-limits.js';

export interface RoomDecisionsParts {
  readonly dispatcher: Dispatcher;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: BoundedLog;
  readonly limits: RoomLimits;
  /** Infinity: no limit. */
  readonly handlerTimeoutMs: number;
}

/** The wish of a client to be in a room. */
export interface JoinWish {
  readonly rooms: ConnectionRooms;
  readonly room: string;
  /** Of the request. Undefined: it is none. */
  readonly id: string | number | undefined;
  /** Joins. What it throws is told as an error. */
  readonly allowed: () => void;
  /** What the client is told when it may not join. Default: `$error`. */
  readonly refuse?: (error: ErrorData) => { event: string; data: object };
}

/** Asks the methods with `@Room()` whether clients may join. */
export class RoomDecisions {
  constructor(private readonly parts: RoomDecisionsParts) {}

  /** Whether there is a method that decides about this room. */
  has({ link }: ConnectionRooms, room: string): boolean {
    return routeOfLink(link)?.rooms.match(`/${room}`) !== undefined;
  }

  /** @throws HoldfastException `FORBIDDEN`, `TOO_MANY_ROOMS` */
  ask({ rooms, room, id, allowed, refuse = errorFrame }: JoinWish): void {
    const { link } = rooms;
    const rule = routeOfLink(link)?.rooms.match(`/${room}`);
    if (!rule) throw new HoldfastException('FORBIDDEN', 'Clients may not join this room');
    if (rooms.size + rooms.pending.size >= this.parts.limits.perConnection) throw this.tooMany();
    const { wheel, dispatcher, handlerTimeoutMs: timeoutMs } = this.parts;
    const call: JoinCall = new JoinCall(
      link,
      room,
      {
        ...{ wheel, timeoutMs, refuse },
        timeOut: (late) => dispatcher.timeOut(late),
        account: (error) => this.account(error),
      },
      allowed,
      () => rooms.pending.delete(call),
    );
    rooms.pending.add(call);
    dispatcher.start(call, messageOf(rule.value, { ...rule.params, room }, id));
  }

  tooMany(): HoldfastException {
    const { perConnection } = this.parts.limits;
    return new HoldfastException('TOO_MANY_ROOMS', `A connection may be in ${perConnection} rooms`);
  }

  /** What the client is told of an error, which is counted, and logged where it is ours. */
  account(error: unknown): ErrorData {
    const { data, isFault } = accountFor(error);
    this.parts.counters.add('error', labelOf(data.code));
    if (isFault) this.parts.log.error('join', 'A client could not join a room', error);
    return data;
  }
}

function errorFrame(data: ErrorData): { event: string; data: ErrorData } {
  return { event: ReservedEvent.error, data };
}

function messageOf(plan: HandlerPlan, data: object, id: string | number | undefined): Message {
  return { plan, data, id, trace: undefined, frame: '', wire: undefined };
}
