import { randomBytes } from 'node:crypto';
import {
  BackplaneError,
  type Claimed,
  type Lease,
  type Position,
  type RoomChange,
  type SessionStore,
} from '@holdfast/backplane';
import { CloseCode, type HelloData, type SessionData } from '@holdfast/protocol';
import { GatewayFeature, type Link, LinkField, type LinkObserver } from '../connection/index.js';
import { HoldfastException } from '../errors/index.js';
import { type BoundedLog, Deadline, type TimerWheel } from '../ground/index.js';
import type { Handovers, Resumption } from '../lifecycle/index.js';
import type { ReturningRoom, RoomMemory } from '../rooms/index.js';
import type { Counters } from '../telemetry/index.js';
import type { NodeCommands } from '../nodes/index.js';
import { evict, type Eviction, readEviction } from './evictions.js';
import { OwnSession } from './own-session.js';

/** Of the session of a connection that says nothing of its end, because its node has crashed. */
const idleMs = 3_600_000;

/** Sessions of open connections are kept from expiring so often. */
const touchMs = idleMs / 3;

/** Closes that end the session, too (PROTOCOL.md 18.8). */
const lastCodes: ReadonlySet<number> = new Set([CloseCode.NORMAL, CloseCode.FORBIDDEN, CloseCode.REVOKED]);

export interface SessionsParts {
  /** Undefined: the engine stores no sessions. */
  readonly store: SessionStore | undefined;
  /** The name of this node. */
  readonly node: string;
  readonly commands: NodeCommands;
  readonly handovers: Handovers;
  /** 0: there are no sessions. */
  readonly resumableMs: number;
  readonly counters: Counters;
  readonly log: BoundedLog;
  readonly wheel: TimerWheel;
}

/** What is remembered of SDK clients beyond their connection (PROTOCOL.md 18). */
@GatewayFeature('session')
export class Sessions implements LinkObserver, Resumption, RoomMemory {
  readonly #own = new LinkField<OwnSession>('session');
  /** By id of the session. */
  readonly #links = new Map<string, Link>();
  #isTouching = false;

  constructor(private readonly parts: SessionsParts) {
    parts.commands.handle(evict, (data) => {
      const eviction = readEviction(data);
      if (eviction) this.#evict(eviction);
    });
  }

  async begin(link: Link, { session, positions = [] }: HelloData): Promise<SessionData | undefined> {
    const { store, resumableMs } = this.parts;
    if (session === undefined || !store || resumableMs === 0) return undefined;
    const owner = ownerOf(link);
    const claimed = session === null ? undefined : await this.#claim(store, session, owner);
    const lease = claimed?.session.lease ?? (await this.#create(store, owner));
    if (!lease) return undefined;
    this.#own.set(link, new OwnSession(lease, claimed?.session, positions));
    if (claimed?.before) this.#takeOver(lease, claimed.before);
    this.#enter(link, lease);
    return { id: lease.id, resumed: claimed !== undefined, expiresMs: resumableMs };
  }

  positionOf(link: Link, room: string): Position | null | undefined {
    return this.#own.get(link)?.positionOf(room);
  }

  knows(link: Link, room: string): boolean {
    return this.#own.get(link)?.has(room) ?? true;
  }

  async remember(link: Link, room: string, at: Position | null): Promise<void> {
    const own = this.#own.get(link);
    if (!own || own.has(room)) return;
    await this.#change(link, own, { join: new Map([[room, { at, by: 'server' }]]) });
    own.add(room, at);
  }

  forget(link: Link, room: string): void {
    const own = this.#own.get(link);
    if (!own?.delete(room)) return;
    this.#change(link, own, { leave: [room] }).catch((error: unknown) => this.#failed('change', error));
  }

  takeReturning(link: Link): readonly ReturningRoom[] {
    return this.#own.get(link)?.takeReturning() ?? [];
  }

  /**
   * Ends the connections whose sessions are no longer theirs. Called when the process has stood still for a while: what
   * such a client has sent before it left must not be handled any more. Resolves also when the engine is away.
   */
  async verify(): Promise<void> {
    for (const link of await this.#touchAll()) link.close(CloseCode.SERVICE_RESTART, 'another node has this session');
  }

  ended(link: Link): void {
    const own = this.#own.get(link);
    if (!own) return;
    const { lease } = own;
    this.#letGo(link, lease);
    const isLast = link.cause?.code !== undefined && lastCodes.has(link.cause.code);
    this.parts.store?.release(lease, isLast ? 0 : this.parts.resumableMs).catch((error: unknown) => {
      // Another connection has taken the session over.
      if (!isFenced(error)) this.#failed('release', error);
    });
  }

  async #claim(store: SessionStore, id: string, owner: string): Promise<Claimed | undefined> {
    const claimed = await store.claim(id, owner, this.parts.node).catch(unavailable);
    this.parts.counters.add('session', typeof claimed === 'string' ? claimed : 'resumed');
    return typeof claimed === 'string' ? undefined : claimed;
  }

  /** A client whose session does not fit is served without one. */
  async #create(store: SessionStore, principal: string): Promise<Lease | undefined> {
    const id = randomBytes(16).toString('base64url');
    try {
      const lease = await store.create({ id, principal, node: this.parts.node, idleMs });
      this.parts.counters.add('session', 'created');
      return lease;
    } catch (error) {
      if (!(error instanceof BackplaneError) || error.code !== 'FULL') unavailable(error);
      this.#failed('create', error);
      return undefined;
    }
  }

  #takeOver({ id, fence }: Lease, before: string): void {
    const eviction = { session: id, fence };
    this.parts.counters.add('session', 'taken');
    if (before === this.parts.node) this.#evict(eviction);
    else this.parts.commands.tell(before, evict, eviction).catch((error: unknown) => this.#failed('evict', error));
  }

  #evict({ session, fence }: Eviction): void {
    const link = this.#links.get(session);
    const own = link && this.#own.get(link);
    if (!own || own.lease.fence >= fence) return;
    // The connection that takes the session over takes its place, also while this one is still closing.
    link.lease.leavePrincipal();
    // Its client has begun to move, and closes it when that is done.
    if (!this.parts.handovers.isAsked(link)) closeTaken(link);
  }

  /** Of two connections that have claimed a session at once, the later one has it. */
  #enter(link: Link, lease: Lease): void {
    const other = this.#links.get(lease.id);
    const otherFence = (other && this.#own.get(other)?.lease.fence) ?? 0;
    if (otherFence > lease.fence) {
      closeTaken(link);
      return;
    }
    this.#links.set(lease.id, link);
    // The client has left while its session was claimed.
    if (link.state === 'closed') this.ended(link);
    this.#touchLater();
  }

  #letGo(link: Link, { id }: Lease): void {
    this.#own.set(link, undefined);
    if (this.#links.get(id) === link) this.#links.delete(id);
  }

  async #change(link: Link, { lease }: OwnSession, change: RoomChange): Promise<void> {
    try {
      await this.parts.store?.change(lease, change);
    } catch (error) {
      // The session is another connection's now, or is gone: this one goes on without it.
      if (!isFenced(error)) throw error;
      this.#lost(link, lease);
    }
  }

  #touchLater(): void {
    if (this.#isTouching) return;
    this.#isTouching = true;
    this.parts.wheel.schedule(new Deadline(() => void this.#touch()), touchMs);
  }

  async #touch(): Promise<void> {
    this.#isTouching = false;
    if (this.#links.size > 0) this.#touchLater();
    await this.#touchAll();
  }

  /** @returns the links that have lost their sessions. */
  async #touchAll(): Promise<Link[]> {
    const leases = [...this.#links.values()].flatMap((link) => this.#own.get(link)?.lease ?? []);
    try {
      const lost = (await this.parts.store?.touch(leases)) ?? [];
      return lost.flatMap((lease) => {
        const link = this.#links.get(lease.id);
        if (!link) return [];
        this.#lost(link, lease);
        return [link];
      });
    } catch (error) {
      this.#failed('touch', error);
      return [];
    }
  }

  #lost(link: Link, lease: Lease): void {
    if (this.#own.get(link)?.lease.fence !== lease.fence) return;
    this.parts.counters.add('session', 'lost');
    this.#letGo(link, lease);
  }

  #failed(what: string, error: unknown): void {
    this.parts.counters.add('session', 'failed');
    this.parts.log.error(`session:${what}`, `The call "${what}" to the store of sessions failed`, error);
  }
}

/** Who may resume a session (PROTOCOL.md 18.4). */
function ownerOf({ connection: { handshake, principal } }: Link): string {
  return JSON.stringify([handshake.path, principal?.subject ?? null]);
}

function closeTaken(link: Link): void {
  link.close(CloseCode.SESSION_TAKEN, 'another connection goes on with this session');
}

function isFenced(error: unknown): boolean {
  return error instanceof BackplaneError && error.code === 'FENCED';
}

function unavailable(cause: unknown): never {
  throw new HoldfastException('UNAVAILABLE', 'The session cannot be looked up at the moment', undefined, { cause });
}
