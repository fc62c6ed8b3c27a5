import type { Backplane } from '../contract/backplane.js';
import { asBackplaneError, type BackplaneError } from '../contract/backplane-error.js';

/** Rooms per call to the engine. */
const maxRooms = 512;

interface Wish {
  readonly room: string;
  readonly resolve: () => void;
  readonly reject: (error: BackplaneError) => void;
}

/** Collects the watches and unwatches of one turn of the event loop, and sends them to the engine in few calls. */
export class Watches {
  readonly #backplane: Backplane;
  #wishes: Wish[] = [];
  #unwanted: string[] = [];

  constructor(backplane: Backplane) {
    this.#backplane = backplane;
  }

  watch(room: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wishes.push({ room, resolve, reject });
      if (this.#wishes.length === 1) queueMicrotask(() => this.#watchAll());
    });
  }

  unwatch(room: string): void {
    this.#unwanted.push(room);
    if (this.#unwanted.length === 1) queueMicrotask(() => this.#unwatchAll());
  }

  #watchAll(): void {
    const wishes = this.#wishes;
    this.#wishes = [];
    for (let start = 0; start < wishes.length; start += maxRooms) {
      const some = wishes.slice(start, start + maxRooms);
      this.#backplane.watch(some.map(({ room }) => room)).then(
        () => some.forEach(({ resolve }) => resolve()),
        (error: unknown) => some.forEach(({ reject }) => reject(asBackplaneError(error, 'watch'))),
      );
    }
  }

  #unwatchAll(): void {
    const rooms = this.#unwanted;
    this.#unwanted = [];
    this.#backplane.unwatch(rooms);
  }
}
