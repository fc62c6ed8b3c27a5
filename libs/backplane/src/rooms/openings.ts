import type { BackplaneError } from '../contract/backplane-error.js';
import type { Position } from '../contract/position.js';

interface Opening {
  readonly resolve: (position: Position | null) => void;
  readonly reject: (error: BackplaneError) => void;
}

/** Callers that wait for the position of a room. */
export class Openings {
  #waiting: Opening[] | undefined;

  get isEmpty(): boolean {
    return this.#waiting === undefined;
  }

  wait(): Promise<Position | null> {
    return new Promise((resolve, reject) => {
      (this.#waiting ??= []).push({ resolve, reject });
    });
  }

  /** @returns whether a caller was waiting */
  resolve(position: Position | null): boolean {
    return this.#settle(({ resolve }) => resolve(position));
  }

  /** @returns whether a caller was waiting */
  reject(error: BackplaneError): boolean {
    return this.#settle(({ reject }) => reject(error));
  }

  #settle(settle: (opening: Opening) => void): boolean {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.forEach(settle);
    return waiting !== undefined;
  }
}
