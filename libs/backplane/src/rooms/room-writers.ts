import type { Backplane, Once, Published } from '../contract/backplane.js';
import { BackplaneError } from '../contract/backplane-error.js';
import type { Clock, TimerHandle } from '../ports/clock.js';
import type { HubSettings } from './hub-settings.js';
import type { RoomPolicy } from './room-policy.js';
import { type OnStored, RoomWriter, type RoomWriterOwner } from './room-writer.js';

/** The writers of the rooms to which this node is publishing, with a limit on their bytes. */
export class RoomWriters implements RoomWriterOwner {
  readonly stored: OnStored;
  readonly #clock: Clock;
  readonly #pauses = new Map<(goesOn: boolean) => void, TimerHandle>();
  #isClosed = false;
  readonly #backplane: Backplane;
  readonly #settings: HubSettings;
  readonly #writers = new Map<string, RoomWriter>();
  #bytes = 0;

  constructor(backplane: Backplane, settings: HubSettings, clock: Clock, onStored: OnStored) {
    this.#clock = clock;
    this.#backplane = backplane;
    this.#settings = settings;
    this.stored = onStored;
  }

  /** Bytes of items that the engine has not confirmed. */
  get bytes(): number {
    return this.#bytes;
  }

  write(room: string, policy: RoomPolicy, item: Uint8Array, once: Once | undefined): Promise<Published> {
    const { pendingBytes } = this.#settings;
    if (this.#bytes + item.byteLength > pendingBytes) {
      const message = `${this.#bytes} of ${pendingBytes} bytes wait for the engine: publish less, or raise pendingBytes`;
      return Promise.reject(new BackplaneError('publish', 'FULL', 'none', message));
    }
    this.#bytes += item.byteLength;
    let writer = this.#writers.get(room);
    if (!writer) {
      writer = new RoomWriter(room, policy, this.#backplane, this.#settings, this);
      this.#writers.set(room, writer);
    }
    return writer.write(item, once);
  }

  /** Nothing is held any more. */
  close(): void {
    this.#isClosed = true;
    for (const [resume, timer] of this.#pauses) {
      this.#clock.cancel(timer);
      resume(false);
    }
    this.#pauses.clear();
  }

  now(): number {
    return this.#clock.now();
  }

  pause(ms: number): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resume) => {
      const goOn = (): void => {
        this.#pauses.delete(resume);
        resume(true);
      };
      this.#pauses.set(resume, this.#clock.schedule(goOn, ms));
    });
  }

  settled(bytes: number): void {
    this.#bytes -= bytes;
  }

  idle(room: string): void {
    this.#writers.delete(room);
  }
}
