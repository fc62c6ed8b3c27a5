import type { Position, Publication } from '@holdfast/backplane';

/** One epoch of a room: what was stored in it, and where it goes on from. */
interface Branch {
  readonly parent: Position | undefined;
  readonly items: Map<number, string>;
  top: number;
  /** The oldest offset that was ever the oldest one kept. */
  keptFrom: number;
}

/** What the engine really stored in one room, epoch by epoch: the reference that nodes and clients are compared with. */
export class Truth {
  readonly #branches = new Map<string, Branch>();
  readonly #size: number;
  #current: string | undefined;
  /** How often the log was found at an earlier state. */
  forks = 0;

  /** @param size - of the history */
  constructor(size: number) {
    this.#size = size;
  }

  /** Where the log is now; undefined: it has never been used, or is empty since a restart. */
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

  /** The log of `before` was found at an earlier state and goes on from there, as `after`. */
  forked(before: Position, after: Position): void {
    this.forks++;
    const branch = this.#branchOf(before.epoch);
    if (before.epoch === after.epoch) {
      // No engine may do that. Whoever has seen what is lost now is found by it.
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

  /** The last offset that the log of a position has in common with that epoch; undefined: none. */
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

  /** Whether something after that position may no longer have been kept at some moment. */
  mayBeTrimmed({ offset }: Position, epoch: string): boolean {
    return offset + 1 < (this.#branches.get(epoch)?.keptFrom ?? 1);
  }

  /** All that is stored in the present epoch, in order. */
  *present(): Iterable<string> {
    const { top } = this;
    for (let offset = 1; top && offset <= top.offset; offset++) {
      const item = this.itemAt({ epoch: top.epoch, offset });
      if (item !== undefined) yield item;
    }
  }

  /** How often something was stored in any epoch. */
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
