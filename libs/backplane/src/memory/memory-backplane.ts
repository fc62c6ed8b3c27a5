import type {
  Backplane,
  BackplaneSink,
  PageLimits,
  Published,
  PublishOptions,
  ReadResult,
} from '../contract/backplane.js';
import { BackplaneError, type BackplaneStage } from '../contract/backplane-error.js';
import type { History } from '../contract/history.js';
import type { Position } from '../contract/position.js';
import type { SessionStore } from '../contract/session-store.js';
import { type AttachedNode, MemoryBroker, type MemoryBrokerOptions } from './memory-broker.js';
import { MemorySessionStore } from './memory-session-store.js';
import { promised } from './promised.js';

/**
 * The engine in the memory of this process. Nothing survives the process, and it reaches only nodes that share its
 * broker.
 *
 * ```ts
 * const backplane = new MemoryBackplane();
 * ```
 *
 * The engine limits the bytes of all histories together ({@link MemoryBrokerOptions.maxBytes}) and rejects with `FULL`.
 * The caller limits each room by its {@link History}.
 *
 * @publicApi
 */
export class MemoryBackplane implements Backplane {
  readonly name = 'memory';
  /** Every call settles at once; the value is for callers that compute with it. */
  readonly deadlineMs = 1_000;
  readonly durability = { kind: 'process', loseMs: 0, warnings: [] } as const;
  readonly sessions: SessionStore;
  readonly #broker: MemoryBroker;
  #node: AttachedNode | undefined;

  /** @param broker - a broker that other nodes share, or the options for one of its own */
  constructor(broker: MemoryBroker | MemoryBrokerOptions = {}) {
    this.#broker = broker instanceof MemoryBroker ? broker : new MemoryBroker(broker);
    this.sessions = new MemorySessionStore(() => {
      this.#attached('session');
      return this.#broker.sessions;
    });
  }

  /** @throws BackplaneError `REFUSED` when the broker has a node with this name */
  start(node: string, sink: BackplaneSink): Promise<void> {
    return promised(() => {
      this.#node = this.#broker.attach(node, sink);
    });
  }

  close(): Promise<void> {
    return promised(() => {
      if (this.#node) this.#broker.detach(this.#node);
      this.#node = undefined;
    });
  }

  /** @throws BackplaneError `FULL`; `REFUSED` when there is no item, or several with a key */
  publish(room: string, items: readonly Uint8Array[], options: PublishOptions): Promise<Published> {
    return promised(() => {
      const node = this.#attached('publish');
      if (items.length === 0 || (options.once && items.length > 1)) {
        const message = `Publish one item at least, and with a key exactly one; these are ${items.length}`;
        throw new BackplaneError('publish', 'REFUSED', 'none', message);
      }
      return this.#broker.publish(node, room, items, options);
    });
  }

  /** @throws BackplaneError `FULL` when the room is new and does not fit */
  read(room: string, since: Position | null, page: PageLimits, history: History): Promise<ReadResult> {
    return promised(() => {
      this.#attached('read');
      return this.#broker.logs.read(room, since, page, history);
    });
  }

  tops(rooms: readonly string[]): Promise<readonly (Position | null)[]> {
    return promised(() => {
      this.#attached('read');
      return rooms.map((room) => this.#broker.logs.top(room));
    });
  }

  watch(rooms: readonly string[]): Promise<void> {
    return promised(() => {
      const { watched } = this.#attached('watch');
      for (const room of rooms) watched.set(room, (watched.get(room) ?? 0) + 1);
    });
  }

  unwatch(rooms: readonly string[]): void {
    const watched = this.#node?.watched;
    for (const room of rooms) {
      const times = watched?.get(room) ?? 0;
      if (times > 1) watched?.set(room, times - 1);
      else watched?.delete(room);
    }
  }

  send(to: string | null, command: Uint8Array): Promise<number> {
    return promised(() => this.#broker.send(this.#attached('send'), to, command));
  }

  #attached(stage: BackplaneStage): AttachedNode {
    if (this.#node) return this.#node;
    throw new BackplaneError(stage, 'AWAY', 'none', 'This node has not started, or has closed');
  }
}
