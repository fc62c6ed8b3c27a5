import { randomBytes } from 'node:crypto';
import {
  type BackplaneStage,
  type History,
  type PageLimits,
  type Position,
  type Publication,
  type Published,
  type PublishOptions,
  type ReadResult,
  roomKindOf,
} from '@holdfast/backplane';
import { chunks } from './chunks.js';
import { nonsense } from './errors.js';
import type { Keys } from './keys.js';
import type { Argument, Script } from './link.js';
import type { PubSub } from './pub-sub.js';
import { Reply } from './replies.js';
import { type PublishingScripts, publishingScripts, read, tops } from './scripts/rooms.js';

/** Items and rooms of one script: it blocks the server for so long. */
const mostItems = 1_000;
const mostTops = 200;

export interface RoomCallsParts {
  readonly keys: Keys;
  readonly pubSub: PubSub;
  readonly roomIdleMs: number;
  /** The name of this node. */
  readonly node: () => string;
  /** @throws BackplaneError */
  readonly run: (
    stage: BackplaneStage,
    script: Script,
    /** Of the slot of the keys. */
    key: string,
    keys: readonly string[],
    args: readonly Argument[],
    deadlineMs?: number,
  ) => Promise<unknown>;
}

/** The scripts of rooms: what they are given, and what they answer. */
export class RoomCalls {
  readonly #scripts: PublishingScripts;

  constructor(private readonly parts: RoomCallsParts) {
    this.#scripts = publishingScripts(parts.pubSub);
  }

  /** @param number - of the call; a repeat with the same one does nothing, and gets the same answer. */
  async append(
    room: string,
    number: number,
    items: readonly Uint8Array[],
    { history, once }: PublishOptions,
    deadlineMs: number,
  ): Promise<Published> {
    const keys = this.parts.keys.room(room);
    const names = [keys.meta, keys.log, keys.call(this.parts.node()), ...(once ? [keys.once(once.key)] : [])];
    const maxBytes = Math.min(history.maxBytes ?? Infinity, Number.MAX_SAFE_INTEGER);
    const args: Argument[] = [number, newEpoch(), history.size, maxBytes, history.ttlMs, this.parts.roomIdleMs];
    args.push(once?.windowMs ?? 0, keys.channel, ...items);
    const answer = await this.parts.run('publish', this.#scripts.append, keys.meta, names, args, deadlineMs);
    const reply = new Reply(answer, 'publish');
    const first = { epoch: reply.text(), offset: reply.number() };
    return { first, at: reply.number(), repeat: reply.number() === 1 };
  }

  /** Publishes in a room without history. */
  async announce(
    room: string,
    items: readonly Uint8Array[],
    { once }: PublishOptions,
    deadlineMs: number,
  ): Promise<Published> {
    const keys = this.parts.keys.room(room);
    const args = [once?.windowMs ?? 0, keys.channel, this.parts.node(), ...items];
    const names = once ? [keys.once(once.key)] : [];
    const answer = await this.parts.run('publish', this.#scripts.announce, keys.channel, names, args, deadlineMs);
    const reply = new Reply(answer, 'publish');
    return { first: null, at: reply.number(), repeat: reply.number() === 1 };
  }

  async read(room: string, since: Position | null, page: PageLimits, history: History): Promise<ReadResult> {
    const { meta, log } = this.parts.keys.room(room);
    const args = [newEpoch(), this.parts.roomIdleMs, since?.epoch ?? '', since?.offset ?? 0];
    args.push(Math.min(page.items, mostItems), Math.min(page.bytes, Number.MAX_SAFE_INTEGER));
    args.push(roomKindOf(history) === 'latest' ? 1 : 0);
    const reply = new Reply(await this.parts.run('read', read, meta, [meta, log], args), 'read');
    const top = { epoch: reply.text(), offset: reply.number() };
    const reason = reply.text();
    if (reason === 'epoch' || reason === 'trimmed' || reason === 'future') return { whole: false, top, reason };
    const [from, undone, first] = [reply.number(), reply.number(), reply.number()];
    const items: Publication[] = [];
    while (reply.hasMore) {
      items.push({ epoch: top.epoch, offset: first + items.length, room, ...storedItem(reply.bytes()) });
    }
    return { whole: true, top, from, undone, items, more: items.length > 0 && first + items.length - 1 < top.offset };
  }

  async tops(rooms: readonly string[]): Promise<readonly (Position | null)[]> {
    const partitions = new Map<number, string[]>();
    for (const room of new Set(rooms)) {
      const partition = this.parts.keys.partition(room);
      const others = partitions.get(partition);
      if (others) others.push(room);
      else partitions.set(partition, [room]);
    }
    const found = new Map<string, Position | null>();
    const calls = [...partitions.values()].flatMap((all) => chunks(all, mostTops));
    await Promise.all(calls.map((some) => this.#topsOf(some, found)));
    return rooms.map((room) => found.get(room) ?? null);
  }

  async #topsOf(rooms: readonly string[], found: Map<string, Position | null>): Promise<void> {
    const metas = rooms.map((room) => this.parts.keys.room(room).meta);
    const answer = await this.parts.run('read', tops, metas[0] ?? '', metas, [this.parts.roomIdleMs]);
    const reply = new Reply(answer, 'read');
    for (const room of rooms) {
      const [epoch, offset] = [reply.text(), reply.number()];
      found.set(room, epoch === '' ? null : { epoch, offset });
    }
  }
}

function newEpoch(): string {
  return randomBytes(9).toString('base64url');
}

/** As `append` has stored it: the time, a colon, and the item. */
function storedItem(stored: Uint8Array): { at: number; item: Uint8Array } {
  const colon = stored.indexOf(58);
  const at = Number(Buffer.from(stored.subarray(0, colon)).toString());
  if (colon < 1 || !Number.isSafeInteger(at)) throw nonsense('read', 'an item without a time');
  return { at, item: stored.subarray(colon + 1) };
}
