import { createHash } from 'node:crypto';
import { slotOf, tagsFor } from './slots.js';

/** Never change it under data that is there: rooms would be looked for elsewhere. */
const partitions = 256;

/** Names of keys and channels. Every key of a room is in one slot of a cluster, and so is its channel. */
export class Keys {
  readonly #tags = tagsFor(partitions);
  readonly #encoder = new TextEncoder();

  /** @param prefix - of all keys, without braces: they would move the keys to other slots. */
  constructor(private readonly prefix: string) {}

  /** Keys of one partition may be used together. */
  partition(room: string): number {
    return slotOf(this.#encoder.encode(room)) % partitions;
  }

  /** Position and lineage. */
  meta(room: string): string {
    return this.#of(room, 'm', room);
  }

  /** The log. */
  log(room: string): string {
    return this.#of(room, 'h', room);
  }

  /** The last call of a node. */
  call(room: string, node: string): string {
    return this.#of(room, 'q', `${node}:${room}`);
  }

  /** The answer to a key of the application. */
  once(room: string, key: string): string {
    return this.#of(room, 'k', `${room.length}:${room}:${key}`);
  }

  channel(room: string): string {
    return this.#of(room, 'c', room);
  }

  /** Not the id itself: `MONITOR` and the slow log must not show what lets a client in. */
  session(id: string): string {
    const hash = createHash('sha256').update(id).digest('base64url');
    return this.#of(hash, 's', hash);
  }

  /** Commands to one node, or to all of them. */
  node(name: string | null): string {
    return `${this.prefix}:n:${name === null ? '*' : `=${name}`}`;
  }

  #of(owner: string, kind: string, name: string): string {
    return `${this.prefix}:{${this.#tags[this.partition(owner)]}}:${kind}:${name}`;
  }
}
