import type { ReadResult } from '../contract/backplane.js';
import { BackplaneError } from '../contract/backplane-error.js';
import type { RoomKind } from '../contract/history.js';
import type { Position, Publication } from '../contract/position.js';
import type { HubCounts } from './hub-counts.js';
import { MemberList } from './member-list.js';
import type { Ring } from './ring.js';
import type { Stash } from './stash.js';
import type { Joined, Subscription } from './subscription.js';

/**
 * The position of a node in the log of a room. It takes publications in order, each once, and pushes them to the live
 * members.
 */
export class Intake {
  readonly room: string;
  readonly kind: RoomKind;
  readonly ring: Ring;
  readonly members = new MemberList();
  readonly #stash: Stash;
  readonly #counts: HubCounts;
  #epoch = '';
  #offset = 0;
  /** The epoch before the present one. Epochs are not used again, so a delivery from it is late and can be ignored. */
  #previousEpoch = '';
  #isPushing = false;

  constructor(room: string, kind: RoomKind, ring: Ring, stash: Stash, counts: HubCounts) {
    this.room = room;
    this.kind = kind;
    this.ring = ring;
    this.#stash = stash;
    this.#counts = counts;
  }

  /** Empty before the log was read, and in ephemeral rooms. */
  get epoch(): string {
    return this.#epoch;
  }

  get offset(): number {
    return this.#offset;
  }

  get position(): Position | null {
    return this.#epoch === '' ? null : { epoch: this.#epoch, offset: this.#offset };
  }

  /** A publication is being pushed at this moment, and some members have not got it yet. */
  get isPushing(): boolean {
    return this.#isPushing;
  }

  /** Whether deliveries are kept because something before them is missing. */
  get isIncomplete(): boolean {
    return !this.#stash.isEmpty;
  }

  /** Whether this position follows {@link position}. Not for ephemeral rooms. */
  isNext({ epoch, offset }: Position): boolean {
    if (epoch !== this.#epoch) return false;
    return offset === this.#offset + 1 || (this.kind === 'latest' && offset > this.#offset);
  }

  /** Keeps a delivery for {@link takeKept}. */
  keep(publication: Publication): void {
    this.#stash.add(publication);
  }

  /** @returns false: something before it is missing, and it is kept */
  take(publication: Publication): boolean {
    if (this.kind !== 'ephemeral') {
      if (this.#isRepeat(publication)) {
        this.#counts.repeats++;
        return true;
      }
      if (!this.isNext(publication)) {
        this.keep(publication);
        return false;
      }
    }
    this.#accept(publication);
    this.takeKept();
    return true;
  }

  /** Takes the kept deliveries that follow now. */
  takeKept(): void {
    for (let next = this.#nextKept(); next; next = this.#nextKept()) this.#accept(next);
  }

  /** Drops the kept deliveries. @returns whether there were any, so that the log has to be read again */
  forgetKept(): boolean {
    return this.#stash.clear();
  }

  /**
   * Takes the result of a read after {@link position}.
   *
   * @throws BackplaneError `NONSENSE` when the page has a hole
   */
  apply(result: ReadResult): void {
    const { top } = result;
    if (this.#epoch === '') {
      this.#epoch = top.epoch;
      this.#offset = top.offset;
    } else if (!result.whole) {
      this.#counts.breaks++;
      this.#moveTo(top, { recovered: false, position: top, top: top.offset, reason: result.reason });
    } else {
      const { undone, from, items } = result;
      if (undone > 0 || top.epoch !== this.#epoch) {
        this.#counts.forks++;
        this.#counts.undone += undone;
        const position = { epoch: top.epoch, offset: from };
        this.#moveTo(position, { recovered: true, position, top: top.offset, undone });
      }
      for (const item of items) this.#applyItem(item);
    }
  }

  #applyItem(item: Publication): void {
    if (this.#isRepeat(item)) return;
    if (!this.isNext(item)) {
      const got = `${item.epoch}/${item.offset} after ${this.#epoch}/${this.#offset}`;
      throw new BackplaneError('read', 'NONSENSE', 'none', `A page of room ${this.room} has a hole: ${got}`);
    }
    this.#accept(item);
  }

  #isRepeat({ epoch, offset }: Position): boolean {
    return epoch === this.#epoch ? offset <= this.#offset : epoch === this.#previousEpoch;
  }

  #nextKept(): Publication | undefined {
    if (this.kind === 'ephemeral') return this.#stash.shift();
    return this.#stash.takeAfter(this.#epoch, this.#offset, this.kind === 'latest');
  }

  #accept(publication: Publication): void {
    this.#counts.accepted++;
    const before = this.position;
    if (before) {
      this.#offset = publication.offset;
      this.ring.add(publication);
    }
    this.#isPushing = true;
    this.#counts.congestions += this.members.push(publication, before);
    this.#isPushing = false;
  }

  /** Changes the position and tells the live members. The others find out by their own reads. */
  #moveTo({ epoch, offset }: Position, joined: Joined): void {
    if (epoch !== this.#epoch) this.#previousEpoch = this.#epoch;
    this.#epoch = epoch;
    this.#offset = offset;
    this.ring.clear();
    this.members.each((subscription: Subscription) => {
      if (subscription.isLive) subscription.member.joined(subscription, joined);
    });
  }
}
