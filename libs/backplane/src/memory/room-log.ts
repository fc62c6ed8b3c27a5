import type { PageLimits, Published, ReadResult } from '../contract/backplane.js';
import { type History, roomKindOf } from '../contract/history.js';
import type { Position, Publication } from '../contract/position.js';
import { Tail } from '../log/tail.js';

/** An earlier epoch, and the offset from which the next epoch continued it. */
interface Fork {
  readonly epoch: string;
  readonly top: number;
}

/** The result of a publish with a key. */
interface Answer {
  readonly published: Published;
  readonly expiresAt: number;
}

/** Forks that are stored. A position from before the oldest one cannot be continued. */
const maxForks = 16;

/**
 * The log of one room: its position and its newest items. It defines how every engine answers reads, also after it has
 * lost data; in the memory of a process only tests cause that, see {@link fork}.
 */
export class RoomLog {
  #epoch: string;
  #top = 0;
  #ttlMs = 0;
  readonly #tail = new Tail();
  /** The newest fork first. */
  #forks: readonly Fork[] = noForks;
  /** Results of publishes by their keys. */
  #answers: Map<string, Answer> | undefined;
  /** When the room was last used; kept by the owner, for expiry. */
  usedAt = 0;

  constructor(
    readonly room: string,
    epoch: string,
  ) {
    this.#epoch = epoch;
  }

  get top(): Position {
    return { epoch: this.#epoch, offset: this.#top };
  }

  /** Bytes of the stored items. */
  get bytes(): number {
    return this.#tail.bytes;
  }

  /** Number of stored items and keys. */
  get entries(): number {
    return this.#tail.length + (this.#answers?.size ?? 0);
  }

  /** Bytes of the oldest items that will be dropped when so many new ones are stored. */
  bytesFreedBy(newItems: number, { size }: History): number {
    let bytes = 0;
    let leaving = this.#tail.length + newItems - size;
    for (let item = this.#tail.oldest; item && leaving > 0; leaving--) {
      bytes += item.item.byteLength;
      item = this.#tail.at(item.offset + 1);
    }
    return bytes;
  }

  /** Stores items. In a room without history it only creates the publications. */
  append(items: readonly Uint8Array[], history: History, at: number): readonly Publication[] {
    const { room } = this;
    if (history.size === 0) return items.map((item) => ({ epoch: '', offset: 0, room, at, item }));
    this.#ttlMs = history.ttlMs;
    const publications = items.map((item) => ({ epoch: this.#epoch, offset: ++this.#top, room, at, item }));
    for (const publication of publications) this.#tail.push(publication);
    while (this.#tail.length > history.size) this.#tail.dropOldest();
    const { maxBytes = Infinity } = history;
    while (this.#tail.bytes > maxBytes && this.#tail.length > 1) this.#tail.dropOldest();
    return publications;
  }

  read(since: Position | null, page: PageLimits, history: History): ReadResult {
    const top = this.top;
    if (since === null) return { whole: true, top, from: top.offset, undone: 0, items: [], more: false };
    const from = this.#commonOffset(since);
    if (from === undefined) return { whole: false, top, reason: 'epoch' };
    if (from > top.offset) return { whole: false, top, reason: 'future' };
    const undone = since.offset - from;
    if (roomKindOf(history) === 'latest') return this.#readLatest(from, undone);
    if (from === top.offset) return { whole: true, top, from, undone, items: [], more: false };
    const { oldest } = this.#tail;
    if (!oldest || from + 1 < oldest.offset) return { whole: false, top, reason: 'trimmed' };
    const items = this.#page(from, page);
    return { whole: true, top, from, undone, items, more: from + items.length < top.offset };
  }

  /** The result of an earlier publish with this key whose window has not ended. */
  answerTo(key: string, now: number): Published | undefined {
    const answer = this.#answers?.get(key);
    return answer && answer.expiresAt > now ? answer.published : undefined;
  }

  remember(key: string, published: Published, expiresAt: number): void {
    this.#answers ??= new Map();
    this.#answers.set(key, { published, expiresAt });
  }

  /** Removes items that are too old, and keys whose window has ended. */
  expire(now: number): void {
    for (let { oldest } = this.#tail; oldest && oldest.at + this.#ttlMs <= now; { oldest } = this.#tail) {
      this.#tail.dropOldest();
    }
    for (const [key, { expiresAt }] of this.#answers ?? []) {
      if (expiresAt <= now) this.#answers?.delete(key);
    }
    if (this.#answers?.size === 0) this.#answers = undefined;
  }

  /**
   * Loses the items after `top` and continues there in a new epoch, like an engine that was set back to an earlier
   * state.
   */
  fork(top: number, epoch: string): void {
    this.#forks = [{ epoch: this.#epoch, top }, ...this.#forks].slice(0, maxForks);
    this.#epoch = epoch;
    this.#top = top;
    this.#tail.dropAfter(top);
    for (const [key, { published }] of this.#answers ?? []) {
      if (published.first && published.first.offset > top) this.#answers?.delete(key);
    }
  }

  /** The last offset up to which the log of a position is the same as this log; undefined when its epoch is unknown. */
  #commonOffset(since: Position): number | undefined {
    if (since.epoch === this.#epoch) return since.offset;
    let { offset } = since;
    for (const { epoch, top } of this.#forks) {
      offset = Math.min(offset, top);
      if (epoch === since.epoch) return offset;
    }
    return undefined;
  }

  #readLatest(from: number, undone: number): ReadResult {
    const top = this.top;
    const needed = from < top.offset || (undone > 0 && top.offset > 0);
    if (!needed) return { whole: true, top, from, undone, items: [], more: false };
    const { newest } = this.#tail;
    if (!newest) return { whole: false, top, reason: 'trimmed' };
    return {
      whole: true,
      top,
      from: Math.min(from, top.offset - 1),
      undone,
      items: [this.#ofThisEpoch(newest)],
      more: false,
    };
  }

  #page(from: number, limits: PageLimits): Publication[] {
    const items: Publication[] = [];
    let bytes = 0;
    for (let next = this.#tail.at(from + 1); next && items.length < limits.items;) {
      bytes += next.item.byteLength;
      if (bytes > limits.bytes && items.length > 0) break;
      items.push(this.#ofThisEpoch(next));
      next = this.#tail.at(next.offset + 1);
    }
    return items;
  }

  /** An item from before a fork has the same offset in the epoch that continues the log. */
  #ofThisEpoch(publication: Publication): Publication {
    return publication.epoch === this.#epoch ? publication : { ...publication, epoch: this.#epoch };
  }
}

const noForks: readonly Fork[] = [];
