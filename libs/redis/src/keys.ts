import { createHash } from 'node:crypto';
import type { LimitAlgorithm } from '@holdfast/backplane';
import { slotOf, tagsFor } from './slots.js';

/** Never change it under data that is there: rooms would be looked for elsewhere. */
export const partitions = 256;

const encoder = new TextEncoder();

const channelMark = '}:c:';

/** Names of the keys and of the channel of one room, all in one slot of a cluster. */
export interface RoomKeys {
  /** Position and lineage. */
  readonly meta: string;
  readonly log: string;
  readonly channel: string;
  /** The last call of a node. */
  call(node: string): string;
  /** The answer to a key of the application. */
  once(key: string): string;
}

/** Names of keys and channels. */
export class Keys {
  readonly #tags = tagsFor(partitions);

  /** @param prefix - of all keys, without braces: they would move the keys to other slots. */
  constructor(private readonly prefix: string) {}

  /** Keys of rooms of one partition may be used together. */
  partition(room: string): number {
    return slotOf(encoder.encode(room)) % partitions;
  }

  room(room: string): RoomKeys {
    const base = this.#base(room);
    return {
      meta: `${base}:m:${room}`,
      log: `${base}:h:${room}`,
      channel: `${base}:c:${room}`,
      call: (node) => `${base}:q:${node}:${room}`,
      once: (key) => `${base}:k:${room.length}:${room}:${key}`,
    };
  }

  channel(room: string): string {
    return `${this.#base(room)}:c:${room}`;
  }

  /** The room of a channel; undefined: it is none of a room. */
  roomOf(channel: string): string | undefined {
    const mark = channel.indexOf(channelMark);
    return mark < 0 ? undefined : channel.slice(mark + channelMark.length);
  }

  /** Not the id itself: `MONITOR` and the slow log must not show what lets a client in. */
  session(id: string): string {
    const hash = hashOf(id);
    return `${this.#base(hash)}:s:${hash}`;
  }

  /** What counts in another way has another key. The application makes keys of any length, from what clients send. */
  limit(algorithm: LimitAlgorithm, windowMs: number, key: string): string {
    const hash = hashOf(key);
    return `${this.#base(hash)}:l:${algorithm}:${windowMs}:${hash}`;
  }

  /** How keys are named and spread under this prefix. */
  get layout(): string {
    return `${this.prefix}:layout`;
  }

  /** Which nodes live. */
  get nodes(): string {
    return `${this.prefix}:nodes`;
  }

  /** The channel of commands to one node, or to all of them. */
  node(name: string | null): string {
    return `${this.prefix}:n:${name === null ? '*' : `=${name}`}`;
  }

  /** A channel of one node, with this tag, by which it tries its subscriptions. */
  probe(node: string, tag: string): string {
    return `${this.prefix}:{${tag}}:p:${node}`;
  }

  #base(owner: string): string {
    return `${this.prefix}:{${this.#tags[this.partition(owner)]}}`;
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
