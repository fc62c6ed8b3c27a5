import type { Backplane } from '../contract/backplane.js';
import type { Position } from '../contract/position.js';
import { Rotation } from '../log/rotation.js';

/** A feed, as the position check needs it. */
export interface Checked {
  /** Its position, if it has to be compared with the log now; otherwise null. */
  toBeChecked(): Position | null;
  /** Gets the top of the log, and its own position from before the question. */
  checked(at: Position, top: Position | null): void;
}

/** Rooms per call to the engine. */
const maxRooms = 500;

/**
 * Regularly compares the positions of rooms without traffic with their logs. If the last delivery of a room is lost and
 * no other one follows, nothing else would detect that. The check also keeps these rooms from expiring in the engine.
 */
export class PositionCheck {
  readonly #backplane: Backplane;
  readonly #rotation: Rotation<Checked>;
  #isAsking = false;

  constructor(backplane: Backplane, feeds: ReadonlyMap<string, Checked>) {
    this.#backplane = backplane;
    this.#rotation = new Rotation(feeds);
  }

  /** Checks the next `share` of all rooms. Does nothing while an earlier check is running. */
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
      // The engine is not available. It tells the feeds itself, and the next round asks again.
    } finally {
      this.#isAsking = false;
    }
  }
}
