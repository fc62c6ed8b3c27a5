import type { Position } from '@holdfast/backplane';

/** How many publications a room with history keeps. */
export const historySize = 10;
export const resumableMs = 120_000;

/** What a client is sent about one room, without what differs from run to run. */
export type Told =
  | { readonly event: 'joined'; readonly recovered: boolean; readonly offset: number; readonly why: string | number }
  /** What is older than the history may still be kept, and then is sent. */
  | { readonly event: 'either'; readonly trimmed: Told; readonly whole: readonly Told[] }
  | { readonly event: 'left'; readonly reason: string }
  | { readonly event: 'said'; readonly text: string; readonly offset: number };

/** The log of one room, in the simplest way. */
export class ReferenceRoom {
  readonly #texts: string[] = [];
  /** Offset of the last publication that need not be kept any more. */
  #trimmed = 0;
  #forks: { readonly epoch: string; readonly top: number }[] = [];
  readonly members = new Set<ReferenceClient>();
  /** Whether the gateway has a method that decides about joins. */
  readonly isGuarded: boolean;
  isForbidden = false;

  constructor(
    readonly name: string,
    public epoch: string,
  ) {
    this.isGuarded = name.startsWith('chat/');
  }

  get hasHistory(): boolean {
    return !this.name.startsWith('plain/');
  }

  get position(): Position | null {
    return this.hasHistory ? { epoch: this.epoch, offset: this.#texts.length } : null;
  }

  publish(text: string): void {
    this.#texts.push(text);
    this.#trimmed = Math.max(this.#trimmed, this.#texts.length - historySize);
    const offset = this.hasHistory ? this.#texts.length : 0;
    for (const member of this.members) member.tell(this, { event: 'said', text, offset });
  }

  /** The last publications are lost, and another epoch begins. */
  fork(lost: number, epoch: string): void {
    const top = Math.max(0, this.#texts.length - lost);
    this.#forks.unshift({ epoch: this.epoch, top });
    this.#texts.length = top;
    this.epoch = epoch;
  }

  /** What a client gets that joins at this position, or live at null. */
  join(client: ReferenceClient, since: Position | null): void {
    this.members.add(client);
    const top = this.#texts.length;
    if (!this.hasHistory) client.tell(this, { event: 'joined', recovered: true, offset: 0, why: 0 });
    else if (since === null) client.tell(this, { event: 'joined', recovered: true, offset: top, why: 0 });
    else {
      const from = this.#commonOffset(since);
      const reason = from === undefined ? 'epoch' : from > top ? 'future' : from < this.#trimmed ? 'trimmed' : '';
      const broken: Told = { event: 'joined', recovered: false, offset: top, why: reason };
      if (from === undefined || reason === 'future') client.tell(this, broken);
      else if (reason === 'trimmed')
        client.tell(this, { event: 'either', trimmed: broken, whole: this.#since(since, from) });
      else for (const told of this.#since(since, from)) client.tell(this, told);
    }
  }

  #since(since: Position, from: number): Told[] {
    const missed = this.#texts
      .slice(from)
      .map((text, index): Told => ({ event: 'said', text, offset: from + index + 1 }));
    return [{ event: 'joined', recovered: true, offset: from, why: since.offset - from }, ...missed];
  }

  #commonOffset({ epoch, offset }: Position): number | undefined {
    if (epoch === this.epoch) return offset;
    let common = offset;
    for (const fork of this.#forks) {
      common = Math.min(common, fork.top);
      if (fork.epoch === epoch) return common;
    }
    return undefined;
  }
}

export class ReferenceSession {
  /** Rooms that the server has joined, and where. */
  readonly rooms = new Map<ReferenceRoom, Position | null>();
  /** Undefined: its connection is open. */
  releasedAt: number | undefined;

  constructor(
    readonly id: string,
    readonly owner: string,
  ) {}
}

/** A client and what it has been told, by room. */
export class ReferenceClient {
  /** Positions of the rooms that it is, or was, a member of. */
  readonly positions = new Map<ReferenceRoom, Position | null>();
  /** Of the open connection. */
  readonly rooms = new Set<ReferenceRoom>();
  session: ReferenceSession | undefined;
  told = new Map<string, Told[]>();

  constructor(readonly owner: string) {}

  tell(room: ReferenceRoom, told: Told): void {
    this.told.set(room.name, [...(this.told.get(room.name) ?? []), told]);
    if (told.event === 'left') {
      this.rooms.delete(room);
      this.positions.delete(room);
      return;
    }
    this.rooms.add(room);
    const offset = told.event === 'either' ? (room.position?.offset ?? 0) : told.offset;
    this.positions.set(room, room.hasHistory ? { epoch: room.epoch, offset } : null);
  }

  /** Joined by the application. */
  enter(room: ReferenceRoom): void {
    this.session?.rooms.set(room, this.session.rooms.get(room) ?? room.position);
    if (!this.rooms.has(room)) room.join(this, null);
  }

  /** @returns whether the client may. */
  join(room: ReferenceRoom): boolean {
    if (room.isForbidden) return false;
    if (!this.rooms.has(room)) room.join(this, null);
    return true;
  }

  leave(room: ReferenceRoom): void {
    room.members.delete(this);
    this.session?.rooms.delete(room);
    if (this.rooms.has(room)) this.tell(room, { event: 'left', reason: '' });
  }

  /** The connection has ended. */
  disconnected(): void {
    for (const room of this.rooms) room.members.delete(this);
    this.rooms.clear();
  }

  /** PROTOCOL 18.5: the rooms of the session, and those that were presented. */
  returned(session: ReferenceSession, presented: ReadonlyMap<ReferenceRoom, Position | null>): void {
    this.session = session;
    session.releasedAt = undefined;
    for (const room of new Set([...session.rooms.keys(), ...presented.keys()])) {
      const isOfServer = session.rooms.has(room);
      const since = presented.get(room) ?? session.rooms.get(room) ?? null;
      if (room.isGuarded && room.isForbidden) {
        session.rooms.delete(room);
        this.tell(room, { event: 'left', reason: 'forbidden' });
      } else if (room.isGuarded || isOfServer) room.join(this, since);
      else this.tell(room, { event: 'left', reason: 'session' });
    }
  }
}
