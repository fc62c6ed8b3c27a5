import type { Position, Publication } from '@holdfast/backplane';

/** One epoch of a room: what was stored in it, and the position that it continues. */
interface Branch {
  readonly parent: Position | undefined;
  readonly items: Map<number, string>;
  top: number;
  /** The highest offset that was the oldest one in the log at some time. */
  keptFrom: number;
}

/** What the engine has stored in one room, by epoch. Nodes and clients are compared with it. */
export class Truth {
  readonly #branches = new Map<string, Branch>();
  readonly #size: number;
  #current: string | undefined;
  /** Number of forks. */
  forks = 0;

  /** @param size - `History.size` of the room */
  constructor(size: number) {
    this.#size = size;
  }

  /** Present position of the log; undefined: the log was never used, or was emptied. */
  get top(): Position | undefined {
    const branch = this.#current === undefined ? undefined : this.#branches.get(this.#current);
    return branch && this.#current !== undefined ? { epoch: this.#current, offset: branch.top } : undefined;
  }

  stored({ epoch, offset, item }: Publication): void {
    const branch = this.#branchOf(epoch);
    branch.items.set(offset, textOf(item));
    branch.top = offset;
    branch.keptFrom = Math.max(branch.keptFrom, offset - this.#size + 1);
    this.#current = epoch;
  }

  /** The log was at `before`, lost its end, and continues at `after`. */
  forked(before: Position, after: Position): void {
    this.forks++;
    const branch = this.#branchOf(before.epoch);
    if (before.epoch === after.epoch) {
      // An engine must not do that. Clients that have seen the lost publications are detected by it.
      for (let { offset } = before; offset > after.offset; offset--) branch.items.delete(offset);
      branch.top = after.offset;
      return;
    }
    const { keptFrom } = branch;
    const parent = { epoch: before.epoch, offset: after.offset };
    this.#branches.set(after.epoch, { parent, items: new Map(), top: after.offset, keptFrom });
    this.#current = after.epoch;
  }

  emptied(): void {
    this.#current = undefined;
  }

  /**
   * The last offset up to which the log of a position is the same as in that epoch; undefined: they have nothing in
   * common.
   */
  commonOffset(position: Position, epoch: string): number | undefined {
    let { offset } = position;
    for (let at: string | undefined = epoch; at !== undefined;) {
      if (at === position.epoch) return offset;
      const parent: Position | undefined = this.#branches.get(at)?.parent;
      if (parent) offset = Math.min(offset, parent.offset);
      at = parent?.epoch;
    }
    return undefined;
  }

  itemAt({ epoch, offset }: Position): string | undefined {
    for (let at: string | undefined = epoch; at !== undefined;) {
      const branch: Branch | undefined = this.#branches.get(at);
      const item = branch?.items.get(offset);
      if (item !== undefined) return item;
      at = branch?.parent && offset <= branch.parent.offset ? branch.parent.epoch : undefined;
    }
    return undefined;
  }

  topOf(epoch: string): number {
    return this.#branches.get(epoch)?.top ?? 0;
  }

  /** Whether a publication after that position may have been trimmed at some time. */
  mayBeTrimmed({ offset }: Position, epoch: string): boolean {
    return offset + 1 < (this.#branches.get(epoch)?.keptFrom ?? 1);
  }

  /** The log of the present epoch, in order. */
  *present(): Iterable<string> {
    const { top } = this;
    for (let offset = 1; top && offset <= top.offset; offset++) {
      const item = this.itemAt({ epoch: top.epoch, offset });
      if (item !== undefined) yield item;
    }
  }

  /** How often an item was stored, in all epochs. */
  copiesOf(item: string): number {
    let copies = 0;
    for (const { items } of this.#branches.values()) for (const stored of items.values()) if (stored === item) copies++;
    return copies;
  }

  #branchOf(epoch: string): Branch {
    let branch = this.#branches.get(epoch);
    if (!branch) {
      branch = { parent: undefined, items: new Map(), top: 0, keptFrom: 1 };
      this.#branches.set(epoch, branch);
    }
    return branch;
  }
}

const decoder = new TextDecoder();

export function textOf(item: Uint8Array): string {
  return decoder.decode(item);
}
