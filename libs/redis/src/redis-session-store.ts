import {
  BackplaneError,
  type Claimed,
  type Lease,
  type Membership,
  type NewSession,
  type RoomChange,
  type SessionStore,
} from '@holdfast/backplane';
import { chunks } from './chunks.js';
import { nonsense } from './errors.js';
import type { Keys } from './keys.js';
import type { Argument, Script } from './link.js';
import { Reply } from './replies.js';
import { change, claim, create, release, touch } from './scripts/sessions.js';

/** Leases of one round trip. */
const mostAtOnce = 500;

export interface RedisSessionStoreParts {
  readonly keys: Keys;
  /** @throws BackplaneError */
  run(script: Script, key: string, args: readonly Argument[]): Promise<unknown>;
  /** @throws BackplaneError */
  command(key: string, name: string): Promise<unknown>;
}

/** Sessions in Redis: one hash each, with a field for each room. */
export class RedisSessionStore implements SessionStore {
  constructor(private readonly parts: RedisSessionStoreParts) {}

  async create({ id, principal, node, idleMs }: NewSession): Promise<Lease> {
    const isNew = await this.#run(create, id, [principal, node, idleMs]);
    if (isNew !== 1) throw new BackplaneError('session', 'REFUSED', 'none', 'There is a session with this id already');
    return { id, node, fence: 1 };
  }

  async claim(id: string, principal: string, node: string): Promise<Claimed | 'unknown' | 'foreign'> {
    const answer = await this.#run(claim, id, [principal, node]);
    if (answer instanceof Uint8Array) {
      const word = Buffer.from(answer).toString();
      if (word === 'unknown' || word === 'foreign') return word;
      throw nonsense('session', word);
    }
    const reply = new Reply(answer, 'session');
    const lease = { id, node, fence: reply.number() };
    const before = reply.text();
    const session = { lease, principal, rooms: roomsOf(new Reply(reply.rest()[0], 'session')) };
    return { session, before: before === '' ? null : before };
  }

  async change(lease: Lease, { join = new Map<string, Membership>(), leave = [] }: RoomChange): Promise<void> {
    const joins = [...join].flatMap(([room, membership]) => [room, JSON.stringify(membership)]);
    await this.#owned(change, lease, [leave.length, ...leave, ...joins]);
  }

  async release(lease: Lease, resumableMs: number): Promise<void> {
    await this.#owned(release, lease, [resumableMs]);
  }

  async touch(leases: readonly Lease[]): Promise<readonly Lease[]> {
    const lost: Lease[] = [];
    for (const some of chunks(leases, mostAtOnce)) {
      const kept = await Promise.all(some.map((lease) => this.#run(touch, lease.id, [lease.node, lease.fence])));
      lost.push(...some.filter((_, index) => kept[index] !== 1));
    }
    return lost;
  }

  async end(id: string): Promise<void> {
    await this.parts.command(this.parts.keys.session(id), 'UNLINK');
  }

  async #owned(script: Script, { id, node, fence }: Lease, args: readonly Argument[]): Promise<void> {
    if ((await this.#run(script, id, [node, fence, ...args])) === 1) return;
    throw new BackplaneError('session', 'FENCED', 'none', 'Another connection owns the session, or it has ended');
  }

  #run(script: Script, id: string, args: readonly Argument[]): Promise<unknown> {
    return this.parts.run(script, this.parts.keys.session(id), args);
  }
}

/** Fields of rooms are `r:` and the name. */
function roomsOf(fields: Reply): Map<string, Membership> {
  const rooms = new Map<string, Membership>();
  while (fields.hasMore) {
    const [field, value] = [fields.text(), fields.text()];
    if (!field.startsWith('r:')) continue;
    // Written by `change` above.
    rooms.set(field.slice(2), JSON.parse(value) as Membership);
  }
  return rooms;
}
