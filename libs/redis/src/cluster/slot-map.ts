import type { Clock } from '@holdfast/backplane';
import { slotOfKey } from '../slots.js';

/** Milliseconds for which a server that has refused a slot knows better than those that have not heard of it yet. */
const toldMs = 5_000;

/** Which master serves which slot, by its address. */
export class SlotMap {
  #masters: (string | undefined)[] = [];
  readonly #told = new Map<number, { readonly address: string; readonly at: number }>();

  constructor(private readonly clock: Clock) {}

  get addresses(): ReadonlySet<string> {
    return new Set(this.#masters.filter((address) => address !== undefined));
  }

  masterOf(slot: number): string | undefined {
    return this.#masters[slot];
  }

  /** What the cluster says when it is asked. */
  replace(masters: readonly (string | undefined)[]): void {
    this.#masters = [...masters];
    for (const [slot, { address, at }] of this.#told) {
      if (this.clock.now() - at > toldMs) this.#told.delete(slot);
      else this.#masters[slot] = address;
    }
  }

  /** What the old master of a slot says when it refuses a command. */
  moved(slot: number, address: string): void {
    this.#told.set(slot, { address, at: this.clock.now() });
    this.#masters[slot] = address;
  }

  /** A tag whose slot this master serves; undefined: it serves none. */
  tagOf(address: string): string | undefined {
    if (!this.#masters.includes(address)) return undefined;
    for (let number = 0; ; number++) if (this.#masters[slotOfKey(String(number))] === address) return String(number);
  }
}
