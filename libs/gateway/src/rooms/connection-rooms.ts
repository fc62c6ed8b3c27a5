import {
  type BackplaneError,
  type Joined,
  type Member,
  type Publication,
  roomKindOf,
  type Subscription,
} from '@holdfast/backplane';
import { CloseCode, type LeftData, ReservedEvent } from '@holdfast/protocol';
import type { Link } from '../connection/index.js';
import { Deadline } from '../ground/index.js';
import type { Counters } from '../telemetry/index.js';
import type { JoinCall } from './join-call.js';
import type { Item } from './publication-item.js';
import type { RoomFrames } from './room-frames.js';

/** Of all connections. */
export interface RoomTally {
  members: number;
  /** Publications that were handed to a connection. */
  deliveries: number;
}

/** What all connections have in common, so that each costs one reference. */
export interface ConnectionRoomsParts {
  readonly frames: RoomFrames;
  readonly counters: Counters;
  readonly tally: RoomTally;
  /** Milliseconds in which a congested client has to read at least something. */
  readonly stalledMs: number;
}

/** The id of the request that asked for a join. */
type RequestId = string | number | undefined;

/** The rooms of one connection, and all that it is told of them. */
export class ConnectionRooms implements Member {
  /** Joins that wait for the decision of their method. */
  readonly pending = new Set<JoinCall>();
  /** Joins by the application that are being stored. */
  #entering: Set<string> | undefined;
  readonly #subscriptions = new Map<string, Subscription>();
  /** Joins that are to be answered, by room. */
  #asked: Map<string, RequestId> | undefined;
  #stall: Deadline | undefined;

  constructor(
    readonly link: Link,
    private readonly parts: ConnectionRoomsParts,
  ) {}

  get size(): number {
    return this.#subscriptions.size;
  }

  get names(): IterableIterator<string> {
    return this.#subscriptions.keys();
  }

  get(room: string): Subscription | undefined {
    return this.#subscriptions.get(room);
  }

  add(room: string, subscription: Subscription): void {
    this.#subscriptions.set(room, subscription);
    this.parts.tally.members++;
  }

  beginEntering(room: string): void {
    (this.#entering ??= new Set()).add(room);
  }

  /** @returns whether the room is still to be entered: nobody has ended it before. */
  endEntering(room: string): boolean {
    return this.#entering?.delete(room) === true;
  }

  /** Ends the membership, and joins that are not decided. @returns whether it was a member. */
  leave(room: string): boolean {
    this.endEntering(room);
    for (const call of this.pending) if (call.room === room) call.isWithdrawn = true;
    return this.end(room);
  }

  /** Ends the membership. @returns whether there was one. */
  end(room: string): boolean {
    this.#subscriptions.get(room)?.leave();
    const id = this.#asked?.get(room);
    this.#asked?.delete(room);
    // A request is answered, also when nobody waits for its room any more.
    if (id !== undefined) this.#tell(ReservedEvent.left, { room }, id);
    if (!this.#subscriptions.delete(room)) return false;
    this.parts.tally.members--;
    return true;
  }

  endAll(): void {
    for (const call of this.pending) call.abandon();
    for (const room of [...this.#subscriptions.keys()]) this.end(room);
  }

  /** The next `$joined` of that room answers this request. */
  answerJoin(room: string, id: RequestId): void {
    if (id !== undefined) (this.#asked ??= new Map()).set(room, id);
  }

  /** The client does not read, or does again. */
  congested(isCongested: boolean): void {
    if (!isCongested) {
      for (const subscription of this.#subscriptions.values()) subscription.resume();
    } else if (this.parts.stalledMs !== Infinity && !this.#stall) {
      this.#watchStall(this.link.bytesTaken);
    }
  }

  joined({ room, policy }: Subscription, joined: Joined): void {
    const id = this.#asked?.get(room);
    this.#asked?.delete(room);
    if (!joined.recovered) this.parts.counters.add('unrecovered', joined.reason);
    const { position, top, ...rest } = joined;
    const kind = roomKindOf(policy.history);
    // Each new member of a `latest` room gets its publication, whether it came back or not.
    const gotMissed = joined.recovered && kind === 'log' && position && position.offset < top;
    if (gotMissed) this.parts.counters.add('recovered', kind);
    this.#tell(ReservedEvent.joined, { room, kind, ...position, ...(position && { top }), ...rest }, id);
  }

  push({ room, policy }: Subscription, publication: Publication): boolean {
    const { link } = this;
    // It is read again from the log once the client reads.
    if (link.isCongested && policy.history.size > 0) return false;
    const frame = this.parts.frames.of(publication);
    if (this.#isLeftOut(frame.item)) {
      if (publication.epoch !== '') this.#tell(ReservedEvent.skip, { room, offset: publication.offset });
      return true;
    }
    if (link.isCongested && frame.item.volatile) return true;
    const bytes = frame.for(link.format);
    if (bytes && link.sendFrame(bytes, 'event')) this.parts.tally.deliveries++;
    else if (bytes) this.parts.counters.add('dropped', 'publication');
    return true;
  }

  skipped({ room }: Subscription, { offset }: { readonly offset: number }, dropped: number): void {
    this.#tell(ReservedEvent.skip, { room, offset, dropped });
  }

  degraded({ room }: Subscription, { code }: BackplaneError): void {
    this.parts.counters.add('degraded', code);
    this.#tell(ReservedEvent.degraded, { room });
  }

  restored({ room }: Subscription): void {
    this.#tell(ReservedEvent.restored, { room });
  }

  tellLeft(data: LeftData): void {
    this.#tell(ReservedEvent.left, data);
  }

  /** Plain clients are told nothing of the protocol. */
  #tell(event: string, data: object, id?: RequestId): void {
    if (this.link.connection.handshake.mode !== 'sdk') return;
    this.link.send(id === undefined ? { event, data } : { event, data, id }, 'answer');
  }

  #isLeftOut({ except, after }: Item): boolean {
    if (!except && !after) return false;
    const { id, principal } = this.link.connection;
    if (except?.some((who) => who === `c:${id}` || (principal && who === `p:${principal.subject}`))) return true;
    return after?.some((room) => this.#subscriptions.has(room)) === true;
  }

  #watchStall(bytesBefore: number): void {
    const { link, parts } = this;
    this.#stall = new Deadline(() => {
      this.#stall = undefined;
      if (!link.isCongested) return;
      if (link.bytesTaken > bytesBefore) this.#watchStall(link.bytesTaken);
      else link.close(CloseCode.SLOW_CONSUMER, `the client has read nothing for ${parts.stalledMs} ms`);
    });
    link.after(this.#stall, parts.stalledMs);
  }
}
