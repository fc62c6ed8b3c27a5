import type { Backplane } from '../contract/backplane.js';
import type { Position } from '../contract/position.js';
import { Rotation } from '../log/rotation.js';

/** What can be compared with its log. */
export interface Checked {
  /** Where it stands, when that has to be compared; null: not now. */
  toBeChecked(): Position | null;
  /** The log stands at `top`; it stood at `at` when that was asked. */
  checked(at: Position, top: Position | null): void;
}

/** Rooms of one question. */
const maxRooms = 500;

/**
 * Compares the positions of quiet rooms with their logs, one after the other: what was lost on the way to this node and
 * followed by nothing would be missed by nobody. It also keeps these rooms from expiring.
 */
export class PositionCheck {
  readonly #backplane: Backplane;
  readonly #rotation: Rotation<Checked>;
  #isAsking = false;

  constructor(backplane: Backplane, feeds: ReadonlyMap<string, Checked>) {
    this.#backplane = backplane;
    this.#rotation = new Rotation(feeds);
  }

  /** Looks at the next `share` of all rooms; nothing while an earlier question has no answer. */
  async next(share: number): Promise<void> {
    if (this.#isAsking) return;
    const questions: { readonly room: string; readonly feed: Checked; readonly at: Position }[] = [];
    for (const [room, feed] of this.#rotation.next(share)) {
      const at = feed.toBeChecked();
      if (at) questions.push({ room, feed, at });
    }
    this.#isAsking = true;
    try {
      for (let start = 0; start < questions.length; start += maxRooms) {
        const some = questions.slice(start, start + maxRooms);
        const tops = await this.#backplane.tops(some.map(({ room }) => room));
        for (const [index, { feed, at }] of some.entries()) feed.checked(at, tops[index] ?? null);
      }
    } catch {
      // The engine is away, which the feeds hear from it. The next round asks again.
    } finally {
      this.#isAsking = false;
    }
  }
}
