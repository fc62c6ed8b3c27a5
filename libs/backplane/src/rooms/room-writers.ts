import type { Backplane, Published } from '../contract/backplane.js';
import { BackplaneError } from '../contract/backplane-error.js';
import type { HubSettings } from './hub-settings.js';
import type { RoomPolicy } from './room-policy.js';
import { type Once, type OnStored, RoomWriter, type RoomWriterOwner } from './room-writer.js';

/** The writers of all rooms that are written to at this moment, within one budget of bytes. */
export class RoomWriters implements RoomWriterOwner {
  readonly stored: OnStored;
  readonly #backplane: Backplane;
  readonly #settings: HubSettings;
  readonly #writers = new Map<string, RoomWriter>();
  #bytes = 0;

  constructor(backplane: Backplane, settings: HubSettings, onStored: OnStored) {
    this.#backplane = backplane;
    this.#settings = settings;
    this.stored = onStored;
  }

  /** Bytes of items that wait or are on their way. */
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

  settled(bytes: number): void {
    this.#bytes -= bytes;
  }

  idle(room: string): void {
    this.#writers.delete(room);
  }
}
