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

  resolve(position: Position | null): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const { resolve } of waiting ?? []) resolve(position);
  }

  reject(error: BackplaneError): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const { reject } of waiting ?? []) reject(error);
  }
}
