import { isSamePosition, type Position } from '../contract/position.js';

/** What a feed remembers for position checks. */
export class PositionDoubt {
  /** There was no delivery since the last position check. */
  #isQuiet = false;
  /** Position of the feed when a check found the log at another position. */
  #at: Position | undefined;

  delivered(): void {
    this.#isQuiet = false;
  }

  /** Whether there was no delivery since the last call. */
  takeQuiet(): boolean {
    const wasQuiet = this.#isQuiet;
    this.#isQuiet = true;
    return wasQuiet;
  }

  raise(at: Position): void {
    this.#at = at;
  }

  /** Ends the doubt. @returns whether there was one, and the feed has not moved since */
  takeConfirmed(position: Position | null): boolean {
    const isConfirmed = this.#at !== undefined && position !== null && isSamePosition(position, this.#at);
    this.#at = undefined;
    return isConfirmed;
  }
}
