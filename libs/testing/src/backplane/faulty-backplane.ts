import {
  type Backplane,
  BackplaneError,
  type BackplaneSink,
  type Clock,
  type History,
  type PageLimits,
  type Position,
  type Published,
  type PublishOptions,
  type Random,
  type ReadResult,
  type SessionStore,
} from '@holdfast/backplane';
import type { BackplaneFaults } from './backplane-faults.js';
import { FaultySessions } from './faulty-sessions.js';
import { FaultyWire } from './faulty-wire.js';

/**
 * An engine with faults between the engine and one node. Without faults it behaves exactly like the engine.
 *
 * @publicApi
 */
export class FaultyBackplane implements Backplane {
  readonly name: string;
  readonly deadlineMs: number;
  readonly durability: Backplane['durability'];
  readonly sessions?: SessionStore;
  readonly #inner: Backplane;
  readonly #wire: FaultyWire;
  #sink: BackplaneSink | undefined;

  /**
   * @param deadlineMs - milliseconds after which a call without a reply rejects; default: the deadline of the engine
   */
  constructor(inner: Backplane, clock: Clock, random: Random, deadlineMs = inner.deadlineMs) {
    this.name = inner.name;
    this.deadlineMs = deadlineMs;
    this.durability = inner.durability;
    this.#inner = inner;
    this.#wire = new FaultyWire(clock, random, deadlineMs);
    if (inner.sessions) this.sessions = new FaultySessions(inner.sessions, this.#wire);
  }

  /** May be changed at any time. */
  get faults(): BackplaneFaults {
    return this.#wire.faults;
  }

  /** Breaks the connection: what is in flight is lost, calls reject, and the node gets `interrupted`. */
  cut(): void {
    this.#wire.cut();
    this.#sink?.interrupted('all', new BackplaneError('watch', 'AWAY', 'none', 'The connection to the engine was cut'));
  }

  /** Restores the connection: the node gets `resumed`. */
  mend(): void {
    this.#wire.mend();
    this.#sink?.resumed('all');
  }

  /** Loses the reply to the next call, which is carried out. */
  loseNextReply(): void {
    this.#wire.loseNextReply();
  }

  /** Pauses the engine: calls wait until {@link unpause}, or reject at their deadline. */
  pause(): void {
    this.#wire.pause();
  }

  unpause(): void {
    this.#wire.unpause();
  }

  start(node: string, sink: BackplaneSink): Promise<void> {
    this.#sink = sink;
    return this.#inner.start(node, {
      publication: (publication) =>
        this.#wire.deliver(publication.epoch !== '', () => this.#sink?.publication(publication)),
      command: (command, from) => this.#wire.deliver(false, () => this.#sink?.command(command, from)),
      interrupted: (rooms, cause) => this.#sink?.interrupted(rooms, cause),
      resumed: (rooms) => this.#sink?.resumed(rooms),
    });
  }

  async close(): Promise<void> {
    this.#sink = undefined;
    this.#wire.unpause();
    await this.#inner.close();
  }

  publish(room: string, items: readonly Uint8Array[], options: PublishOptions): Promise<Published> {
    return this.#wire.call('publish', () => this.#inner.publish(room, items, options));
  }

  read(room: string, since: Position | null, page: PageLimits, history: History): Promise<ReadResult> {
    return this.#wire.call('read', () => this.#inner.read(room, since, page, history));
  }

  tops(rooms: readonly string[]): Promise<readonly (Position | null)[]> {
    return this.#wire.call('read', () => this.#inner.tops(rooms));
  }

  watch(rooms: readonly string[]): Promise<void> {
    return this.#wire.call(
      'watch',
      () => this.#inner.watch(rooms),
      () => this.#inner.unwatch(rooms),
    );
  }

  unwatch(rooms: readonly string[]): void {
    this.#inner.unwatch(rooms);
  }

  send(to: string | null, command: Uint8Array): Promise<number | undefined> {
    return this.#wire.call('send', () => this.#inner.send(to, command));
  }
}
