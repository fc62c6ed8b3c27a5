import type { Publication } from '../contract/position.js';
import { Tail } from '../log/tail.js';
import type { HubCounts } from './hub-counts.js';

/** The rings of all rooms of a node, with a limit on their bytes. */
export class Rings {
  /** Rings that are not empty, the one that was filled first in front. */
  readonly #filled = new Set<Ring>();
  readonly #maxBytes: number;
  readonly #counts: HubCounts;
  #bytes = 0;

  constructor(maxBytes: number, counts: HubCounts) {
    this.#maxBytes = maxBytes;
    this.#counts = counts;
  }

  get bytes(): number {
    return this.#bytes;
  }

  changed(ring: Ring, bytes: number): void {
    this.#bytes += bytes;
    if (ring.isEmpty) this.#filled.delete(ring);
    else this.#filled.add(ring);
    if (this.#bytes > this.#maxBytes) this.#emptySome();
  }

  /** Called once per period. Removes what was in a ring at the last call already. */
  age(): void {
    for (const ring of this.#filled) ring.age();
  }

  #emptySome(): void {
    for (const first of this.#filled) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#counts.ringsEmptied++;
      first.clear();
    }
  }
}

/** The newest publications of a room, for members that catch up. They have one epoch and consecutive offsets. */
export class Ring {
  readonly #tail = new Tail();
  readonly #rings: Rings;
  readonly #maxItems: number;
  /** Offset of the newest publication at the last call of {@link age}. */
  #agedOffset = 0;

  constructor(rings: Rings, maxItems: number) {
    this.#rings = rings;
    this.#maxItems = maxItems;
  }

  get isEmpty(): boolean {
    return this.#tail.length === 0;
  }

  get oldest(): Publication | undefined {
    return this.#tail.oldest;
  }

  get newest(): Publication | undefined {
    return this.#tail.newest;
  }

  /** Whether it holds everything after this offset, which is not above the offset of the room. */
  covers(offset: number): boolean {
    const { oldest } = this;
    return oldest !== undefined && oldest.offset <= offset + 1;
  }

  /** The publication after this offset. */
  after(offset: number): Publication | undefined {
    return this.#tail.at(offset + 1);
  }

  add(publication: Publication): void {
    const before = this.#tail.bytes;
    this.#tail.push(publication);
    while (this.#tail.length > this.#maxItems) this.#tail.dropOldest();
    this.#rings.changed(this, this.#tail.bytes - before);
  }

  age(): void {
    const before = this.#tail.bytes;
    for (let { oldest } = this; oldest && oldest.offset <= this.#agedOffset; { oldest } = this) {
      this.#tail.dropOldest();
    }
    this.#agedOffset = this.newest?.offset ?? 0;
    this.#rings.changed(this, this.#tail.bytes - before);
  }

  clear(): void {
    const { bytes } = this.#tail;
    this.#tail.clear();
    this.#agedOffset = 0;
    this.#rings.changed(this, -bytes);
  }
}
