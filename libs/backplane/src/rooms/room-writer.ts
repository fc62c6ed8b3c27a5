import type { Backplane, Once, Published } from '../contract/backplane.js';
import { asBackplaneError, BackplaneError, type BackplaneErrorCode } from '../contract/backplane-error.js';
import { Fifo } from '../log/fifo.js';
import type { HubSettings } from './hub-settings.js';
import type { RoomPolicy } from './room-policy.js';

interface Entry {
  readonly item: Uint8Array;
  readonly once: Once | undefined;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: BackplaneError) => void;
}

/** Between two attempts while the engine is away. */
const pauseMs = 250;

/** Errors that end by themselves. */
const passing = new Set<BackplaneErrorCode>(['AWAY', 'MOVING', 'READ_ONLY', 'TIMEOUT']);

/** Called after items were stored; the first of them is at `published.first`. */
export type OnStored = (room: string, items: readonly Uint8Array[], published: Published, hasKey: boolean) => void;

/** Owner of a writer. */
export interface RoomWriterOwner {
  readonly stored: OnStored;
  /** Monotonic milliseconds. */
  now(): number;
  /** Resolves after a while: false when nothing is published any more. */
  pause(ms: number): Promise<boolean>;
  /** The engine has confirmed or rejected items of so many bytes. */
  settled(bytes: number): void;
  /** The writer has nothing to do any more. */
  idle(room: string): void;
}

/**
 * Publishes the items of one node to one room. There is one call in flight; items that are published meanwhile are sent
 * together in the next call. This keeps their order even when the engine retries, and a busy room needs one call per
 * round trip instead of one per item.
 */
export class RoomWriter {
  readonly #room: string;
  readonly #policy: RoomPolicy;
  readonly #backplane: Backplane;
  readonly #settings: HubSettings;
  readonly #owner: RoomWriterOwner;
  readonly #waiting = new Fifo<Entry>();
  #isBusy = false;

  constructor(room: string, policy: RoomPolicy, backplane: Backplane, settings: HubSettings, owner: RoomWriterOwner) {
    this.#room = room;
    this.#policy = policy;
    this.#backplane = backplane;
    this.#settings = settings;
    this.#owner = owner;
  }

  /** @returns the result for this item alone */
  write(item: Uint8Array, once: Once | undefined): Promise<Published> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, once, resolve, reject });
      if (!this.#isBusy) void this.#send();
    });
  }

  async #send(): Promise<void> {
    this.#isBusy = true;
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
      const items = batch.map(({ item }) => item);
      const once = batch[0]?.once;
      const result = await this.#publish(items, once);
      this.#owner.settled(items.reduce((sum, { byteLength }) => sum + byteLength, 0));
      if (result instanceof BackplaneError) {
        for (const { reject } of batch) reject(result);
      } else {
        for (const [index, { resolve }] of batch.entries()) resolve(nth(result, index));
        // Before the callers continue, which they do in a later turn.
        if (!result.repeat) this.#owner.stored(this.#room, items, result, once !== undefined);
      }
    }
    this.#isBusy = false;
    this.#owner.idle(this.#room);
  }

  /** Holds what was not stored, as long as the policy allows. */
  async #publish(items: readonly Uint8Array[], once: Once | undefined): Promise<Published | BackplaneError> {
    const { history, holdMs = 0 } = this.#policy;
    const until = this.#owner.now() + (history.size > 0 ? holdMs : 0);
    for (;;) {
      try {
        return await this.#backplane.publish(this.#room, items, { history, ...(once && { once }) });
      } catch (error) {
        const failure = asBackplaneError(error, 'publish');
        const leftMs = until - this.#owner.now();
        const mayPass = failure.outcome === 'none' && passing.has(failure.code) && leftMs > 0;
        if (!mayPass || !(await this.#owner.pause(Math.min(pauseMs, leftMs)))) return failure;
      }
    }
  }

  /** An item with a key is sent alone, because the result may be that of an earlier publish. */
  #nextBatch(): Entry[] {
    const { batchItems, batchBytes } = this.#settings;
    const batch: Entry[] = [];
    let bytes = 0;
    for (let next = this.#waiting.first; next && batch.length < batchItems; next = this.#waiting.first) {
      bytes += next.item.byteLength;
      if (batch.length > 0 && (next.once || bytes > batchBytes)) break;
      this.#waiting.shift();
      batch.push(next);
      if (next.once) break;
    }
    return batch;
  }
}

function nth(published: Published, index: number): Published {
  const { first } = published;
  return first ? { ...published, first: { epoch: first.epoch, offset: first.offset + index } } : published;
}
