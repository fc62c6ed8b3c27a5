import type { Backplane, PageLimits, ReadResult } from '../contract/backplane.js';
import { asBackplaneError, BackplaneError } from '../contract/backplane-error.js';
import type { History } from '../contract/history.js';
import type { Position } from '../contract/position.js';
import { Fifo } from '../log/fifo.js';

/** Reads of all rooms of a node, with a limit on concurrent reads: after an outage every room reads its log. */
export class PageReads {
  readonly #backplane: Backplane;
  readonly #page: PageLimits;
  readonly #maxInFlight: number;
  readonly #waiting = new Fifo<() => void>();
  #inFlight = 0;

  constructor(backplane: Backplane, page: PageLimits, maxInFlight: number) {
    this.#backplane = backplane;
    this.#page = page;
    this.#maxInFlight = maxInFlight;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** @throws BackplaneError */
  async read(room: string, since: Position | null, history: History, page = this.#page): Promise<ReadResult> {
    if (this.#inFlight < this.#maxInFlight) this.#inFlight++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      const result = await this.#backplane.read(room, since, page, history);
      // Reading on after the last item would never end.
      const isEndless = result.whole && result.more && result.items.length === 0;
      if (isEndless)
        throw new BackplaneError('read', 'NONSENSE', 'none', `A page of room ${room} is empty, with more to come`);
      return result;
    } catch (error) {
      throw asBackplaneError(error, 'read');
    } finally {
      // The read that has waited longest takes this place.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inFlight--;
    }
  }
}
