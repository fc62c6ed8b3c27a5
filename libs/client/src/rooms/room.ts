import type { Envelope, JoinedData, LeftData, PresentedPosition, SkipData } from '@holdfast/protocol';
import { Emitter } from '../emitter.js';
import { HoldfastError } from '../errors.js';
import type { RoomsOwner } from '../rooms-port.js';
import { Publications } from './publications.js';
import type { OwnRoomEvents, RoomPlace, RoomPosition, RoomPublication, RoomState } from './room-state.js';
import type { StoredRoom } from './session.js';

/**
 * The events of a room and their data.
 *
 * @publicApi
 */
export type RoomEvents = object;

type EventName<E> = Extract<keyof E, string>;

/** Until a join that failed is tried again, and between two joins that heal a hole. */
const pauseMs = 1_000;

/** Codes that say nothing of this client, but of the moment. */
const transient = new Set([
  'UNAVAILABLE',
  'RATE_LIMITED',
  'HANDLER_TIMEOUT',
  'REQUEST_TIMEOUT',
  'CONNECTION_LOST',
  'CLOSED',
]);

/**
 * One room. It joins again by itself after each reconnect, from the last publication that it has delivered, so that
 * nothing is missed and nothing comes twice. Made by `client.room(name)`.
 *
 * @publicApi
 */
export class Room<E extends RoomEvents = Record<string, unknown>> {
  /** @internal */
  readonly owner: RoomsOwner;
  /** Whether a publication to several rooms was delivered before. @internal */
  readonly isKnown: (publication: string) => boolean;
  readonly name: string;
  /** The application has asked for this object. @internal */
  isAsked = false;
  /** The server has joined this client by itself. @internal */
  isOfServer = false;
  readonly #emitter = new Emitter();
  readonly #publications = new Set<Publications>();
  #state: RoomState = 'left';
  #position: RoomPosition | undefined;
  #kind: JoinedData['kind'] = 'ephemeral';
  /** Publications up to this offset were missed. */
  #missedUpTo = 0;
  #missedFrom = 0;
  /** The server has to say where it goes on. @internal */
  isAsking = false;
  /** Number of the last request. */
  #asked = 0;
  /** The server knows on this connection what this client has, from `$hello` on where it was presented there. */
  #isTracked = false;
  /** It was left, and the server has not confirmed that. */
  #isUnwanted = false;
  #timer: unknown;
  #waiting: { resolve: () => void; reject: (error: HoldfastError) => void }[] = [];

  /** @internal */
  constructor(owner: RoomsOwner, name: string, isKnown: (publication: string) => boolean, stored?: StoredRoom) {
    this.owner = owner;
    if (stored) {
      const { isOfServer, ...position } = stored;
      this.#position = position;
      this.isOfServer = isOfServer;
      if (isOfServer) this.#state = 'joining';
    }
    this.name = name;
    this.isKnown = isKnown;
  }

  /** The present state; the event `$state` reports each change. */
  get state(): RoomState {
    return this.#state;
  }

  /** The last publication that was delivered, or the place where this client joined; undefined without history. */
  get position(): RoomPosition | undefined {
    return this.#position;
  }

  /**
   * Joins, and stays a member through reconnects until {@link leave}.
   *
   * @param options - `since`: a position from before, such as that of the state which the server has delivered.
   * @returns once the server has answered; later, when there is no connection yet.
   * @throws (rejects with) HoldfastError with the code of the server, such as `FORBIDDEN`; `CLOSED` after
   *   {@link leave}.
   */
  join({ since }: { readonly since?: RoomPosition } = {}): Promise<void> {
    if (since) this.#position = since;
    this.#isUnwanted = false;
    if (this.#state === 'left' || this.#state === 'refused') this.#enter('joining');
    else if (this.#state !== 'joining') return Promise.resolve();
    const joined = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.ask();
    return joined;
  }

  /** Ends the membership. The position is forgotten. */
  leave(): void {
    if (this.#state === 'left') return;
    const isMember = this.#state !== 'refused';
    this.#over('left', new HoldfastError('CLOSED', `The room ${this.name} was left`));
    this.#isUnwanted = isMember;
    if (isMember && this.owner.isOpen) this.#tellLeft();
  }

  /**
   * Asks the server to publish an event to this room. The method of the server that is there for it decides.
   *
   * @returns what that method returns.
   * @throws (rejects with) HoldfastError: `FORBIDDEN` without such a method, `UNAVAILABLE` without a connection, the
   *   code of the server, or what `HoldfastClient.request` rejects with.
   */
  publish<K extends EventName<E>>(event: K, data?: E[K]): Promise<unknown> {
    if (this.owner.isOpen) return this.owner.request('$publish', { room: this.name, event, data });
    return Promise.reject(new HoldfastError('UNAVAILABLE', 'There is no connection to publish on'));
  }

  /** Calls `listener` for each event of that name, in order. Returns a function that removes it. */
  on<K extends keyof OwnRoomEvents>(event: K, listener: (data: OwnRoomEvents[K]) => void): () => void;
  on<K extends EventName<E>>(event: K, listener: (data: E[K], place: RoomPlace) => void): () => void;
  on(event: string, listener: (data: never, place: never) => void): () => void {
    // Safe: the overloads say what goes with which event.
    return this.#emitter.on(event, listener as (data: unknown, place?: never) => void);
  }

  /**
   * The publications from now on, as `for await` takes them. A loop that does not keep up fails with `OUTBOX_FULL`
   * after 1,000 that wait. It ends when the room is left.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<RoomPublication> {
    const publications = new Publications(() => this.#publications.delete(publications));
    this.#publications.add(publications);
    return publications;
  }

  /** What `$hello` says of it; undefined: nothing, because it is not to be joined. @internal */
  present(): PresentedPosition | undefined {
    this.#isTracked = this.#isWanted;
    return this.#isTracked ? { room: this.name, ...this.#position } : undefined;
  }

  /** There is a connection, whose server answers what was presented, or does not. @internal */
  welcomed(answers: boolean, isResumed: boolean): void {
    // Answers of an earlier connection mean nothing any more.
    this.#asked++;
    this.#settle();
    this.#isTracked &&= answers;
    // A new session knows of no membership that was left, but answers what was presented.
    this.#isUnwanted = (this.#isUnwanted && isResumed) || (this.#isTracked && !this.#isWanted);
    if (!this.#isTracked) this.ask();
    else if (this.#isWanted) this.isAsking = true;
  }

  get #isWanted(): boolean {
    return this.#state !== 'left' && this.#state !== 'refused';
  }

  /** Asks the server to join, or to go on at the position. @internal */
  ask(): void {
    if (this.isAsking || !this.owner.isOpen || !this.#isWanted) return;
    this.isAsking = true;
    const asked = ++this.#asked;
    // Its answer arrives as any `$joined`, or else is `$left`. Safe: it rejects with nothing else.
    this.owner.request('$join', { room: this.name, since: this.#position }).then(
      () => asked === this.#asked && this.isAsking && this.left(),
      (error: unknown) => asked === this.#asked && this.#failed(error as HoldfastError),
    );
  }

  /** The connection is gone. @internal */
  lost(): void {
    this.#settle();
    if (this.#isWanted) this.#enter('joining');
  }

  /** The server says where the room goes on (PROTOCOL.md 17.2). @internal */
  joined(data: JoinedData, isAnswer: boolean): void {
    if (!this.#isWanted) {
      if (isAnswer) return;
      if (this.#isUnwanted) {
        this.#settle();
        this.#tellLeft();
        return;
      }
      this.isOfServer = true;
    }
    const { kind, epoch, recovered, top = 0, reason = '', undone = 0 } = data;
    this.#kind = kind;
    if (!isAnswer && !this.#isTracked && this.#hasHole(data)) {
      this.#heal();
      return;
    }
    this.#isTracked = true;
    // What was delivered since it was asked for must not be delivered again.
    const reached = recovered && this.#position?.epoch === epoch ? (this.#position?.offset ?? 0) : 0;
    const offset = Math.max(data.offset ?? 0, reached);
    // The server, which went on from an older position, ends where this client is.
    const isWhole = recovered || (this.#position?.epoch === epoch && this.#position?.offset === offset);
    // In a handover nothing was missed: the connection before still served (PROTOCOL.md 10.9).
    const isHandover = this.isAsking && this.#state === 'joined';
    this.#settle();
    this.#position = epoch === undefined ? undefined : { epoch, offset };
    this.#missedFrom = offset;
    this.#missedUpTo = recovered && kind === 'log' && !isHandover ? top : 0;
    if (undone > 0) this.#emitter.emit('$undone', { count: undone });
    if (!isWhole && this.#position) this.#emitter.emit('$unrecovered', { reason, position: this.#position });
    this.#enter(this.#missedUpTo > offset ? 'recovering' : 'joined');
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /**
   * An event of the application (PROTOCOL.md 17.3, 17.10).
   *
   * @returns whether it was new.
   * @internal
   */
  publication({ event, data, offset, epoch, publication }: RoomEnvelope, isRetired: boolean): boolean {
    if (!this.#isWanted) return false;
    if (offset !== undefined && epoch !== undefined) {
      // The present connection brings what a retired one leaves out.
      const { epoch: own, offset: last = 0 } = this.#position ?? {};
      if (isRetired && (epoch !== own || offset !== last + 1)) return false;
      if (!this.#isNext(epoch, offset)) return false;
      this.#position = { epoch, offset };
    } else if (isRetired && !this.isAsking) return false;
    const isNew = publication === undefined || !this.isKnown(publication);
    if (isNew) this.#deliver(event, data, offset, epoch);
    this.#progressed();
    return isNew;
  }

  /** Publications that are not for this client, or were dropped (PROTOCOL.md 17.7). @internal */
  skip({ offset, dropped }: SkipData): void {
    const { epoch } = this.#position ?? {};
    if (epoch === undefined || (dropped === undefined && !this.#isNext(epoch, offset))) return;
    this.#position = { epoch, offset };
    if (dropped !== undefined) this.#emitter.emit('$skipped', { count: dropped });
    this.#progressed();
  }

  /** @internal */
  left(reason?: LeftData['reason']): void {
    if (reason === 'failed') {
      this.#later();
      return;
    }
    const position = this.#position;
    if (reason === 'session' && position) this.#emitter.emit('$unrecovered', { reason, position });
    this.#over(
      reason === 'forbidden' ? 'refused' : 'left',
      new HoldfastError(
        reason === 'forbidden' ? 'FORBIDDEN' : 'CLOSED',
        `The server has removed this client from ${this.name}`,
      ),
    );
  }

  /** @internal */
  degraded(isDegraded: boolean): void {
    if (this.#state === 'joined' || this.#state === 'degraded') this.#enter(isDegraded ? 'degraded' : 'joined');
  }

  /** Whether the server has joined this client without knowing what it has, and goes on behind that. */
  #hasHole({ kind, epoch, offset = 0 }: JoinedData): boolean {
    const position = this.#position;
    return kind === 'log' && position !== undefined && (position.epoch !== epoch || position.offset < offset);
  }

  /** What the server answers changes nothing any more. */
  #tellLeft(): void {
    this.owner.request('$leave', { room: this.name }).then(
      () => (this.#isUnwanted = false),
      () => undefined,
    );
  }

  #isNext(epoch: string, offset: number): boolean {
    const position = this.#position;
    if (!position || position.epoch !== epoch) return this.#heal();
    if (offset <= position.offset) return false;
    return offset === position.offset + 1 || this.#kind !== 'log' || this.#heal();
  }

  /** Something is missing: the server is asked to go on at the last position. */
  #heal(): false {
    if (!this.isAsking) {
      this.isAsking = true;
      this.#enter('recovering');
      this.#later();
    }
    return false;
  }

  #later(): void {
    const { clock, random } = this.owner.ports;
    const again = (): void => {
      this.isAsking = false;
      this.ask();
    };
    this.#timer = clock.schedule(again, pauseMs * random.next());
  }

  #deliver(event: string, data: unknown, offset: number | undefined, epoch: string | undefined): void {
    const place: RoomPlace = { recovered: offset !== undefined && offset <= this.#missedUpTo, offset, epoch };
    this.#emitter.emit(event, data, place);
    for (const publications of this.#publications) publications.push({ event, data, ...place });
  }

  /** What was missed has been delivered. */
  #progressed(): void {
    const { offset = 0 } = this.#position ?? {};
    if (this.#state !== 'recovering' || this.isAsking || offset < this.#missedUpTo) return;
    const count = this.#missedUpTo - this.#missedFrom;
    this.#enter('joined');
    if (count > 0) this.#emitter.emit('$recovered', { count });
  }

  #failed(error: HoldfastError): void {
    this.isAsking = false;
    if (this.#state === 'left') return;
    if (!transient.has(error.code)) this.#over('refused', error);
    // Without a connection the next welcome asks again.
    else if (this.owner.isOpen) this.#later();
  }

  #over(state: 'left' | 'refused', error: HoldfastError): void {
    this.#settle();
    this.#position = undefined;
    this.isOfServer = false;
    this.#enter(state);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    if (state === 'left') for (const publications of [...this.#publications]) void publications.return();
  }

  /** Nothing is asked any more, nor to be asked later. */
  #settle(): void {
    this.isAsking = false;
    this.owner.ports.clock.cancel(this.#timer);
  }

  #enter(state: RoomState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#emitter.emit('$state', state);
  }
}

/** A frame of a room. */
export interface RoomEnvelope extends Envelope {
  epoch?: string;
  publication?: string;
}
