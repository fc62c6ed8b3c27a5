import {
  type Backplane,
  BackplaneError,
  type BackplaneSink,
  type BackplaneStage,
  type Clock,
  type History,
  type PageLimits,
  type Position,
  type Published,
  type PublishOptions,
  type ReadResult,
  systemClock,
} from '@holdfast/backplane';
import { durabilityOf } from './durability.js';
import { asFailure } from './errors.js';
import { Keys } from './keys.js';
import { checkLayout } from './layout.js';
import type { LinkListener, RedisLink } from './link.js';
import { quitMs } from './link-timing.js';
import { readCommand, readMessage, writeCommand } from './messages.js';
import { RedisLimiter } from './redis-limiter.js';
import { RedisNodeRegistry } from './redis-node-registry.js';
import { RedisSessionStore } from './redis-session-store.js';
import { Reply } from './replies.js';
import { RoomCalls } from './room-calls.js';
import { RoomQueue } from './room-queue.js';
import { runScript } from './run-script.js';
import { Watches } from './watches.js';

/** @publicApi */
export interface RedisBackplaneOptions {
  /**
   * Of all keys and channels: applications that share a server need one each. 1 to 64 letters, digits, `.`, `_`, `-`
   * and `:`.
   */
  readonly prefix: string;
  /** Milliseconds within which each call settles. Default 2,000. */
  readonly deadlineMs?: number;
  /**
   * Milliseconds within which a use of a limit is decided, because a message waits for that. Then it passes, or is
   * refused, as its rule says. Default 100.
   */
  readonly limitMs?: number;
  /**
   * Milliseconds after which a room is forgotten that nobody publishes to, reads or watches. After that it starts in a
   * new epoch. Longer than clients may be away, and than the longest history. Default 3,600,000 (1 h).
   */
  readonly roomIdleMs?: number;
  /**
   * Default: the machine's clock, for the deadlines of this node. Limits go by the time of the server, unless a clock
   * is given.
   */
  readonly clock?: Clock;
}

const prefixes = /^[\w.:-]{1,64}$/;

/**
 * The engine on Redis: a list for the log of each room, a hash for its position, and channels for deliveries.
 *
 * @publicApi
 */
export class RedisBackplane implements Backplane {
  readonly name = 'redis';
  readonly deadlineMs: number;
  readonly sessions: RedisSessionStore;
  readonly limiter: RedisLimiter;
  readonly nodes: RedisNodeRegistry;
  readonly #link: RedisLink;
  readonly #keys: Keys;
  readonly #clock: Clock;
  readonly #calls: RoomCalls;
  readonly #queues = new Map<string, RoomQueue>();
  readonly #watches: Watches;
  #durability: Backplane['durability'] = { kind: 'memory', loseMs: 0, warnings: [] };
  #node = '';
  #sink: BackplaneSink | undefined;
  #numbers = 0;

  /** @throws TypeError when the prefix is not allowed */
  constructor(link: RedisLink, options: RedisBackplaneOptions) {
    const { prefix, deadlineMs = 2_000, limitMs = 100, roomIdleMs = 3_600_000, clock } = options;
    if (!prefixes.test(prefix)) {
      throw new TypeError(`prefix must be 1 to 64 letters, digits, ".", "_", "-" or ":", but is "${prefix}"`);
    }
    this.deadlineMs = deadlineMs;
    this.#link = link;
    this.#clock = clock ?? systemClock;
    const keys = (this.#keys = new Keys(prefix));
    this.#watches = new Watches({
      channelOf: (room) => keys.channel(room),
      subscribe: (channels) => link.subscribe(channels, deadlineMs),
      unsubscribe: (channels) => link.unsubscribe(channels),
    });
    this.#calls = new RoomCalls({
      ...{ keys, pubSub: link.pubSub, roomIdleMs, node: () => this.#node },
      run: (stage, script, key, names, args, ms = deadlineMs) =>
        this.#attempt(stage, () => runScript(link, script, key, names, args, ms)),
    });
    this.nodes = new RedisNodeRegistry({
      ...{ keys, node: () => this.#node },
      run: (script, key, args) => this.#attempt('node', () => runScript(link, script, key, [key], args, deadlineMs)),
    });
    this.sessions = new RedisSessionStore({
      keys,
      run: (script, key, args) => this.#attempt('session', () => runScript(link, script, key, [key], args, deadlineMs)),
      command: (key, name) => this.#attempt('session', () => link.command(key, name, [key], deadlineMs)),
    });
    this.limiter = new RedisLimiter({
      keys,
      now: clock && (() => clock.now()),
      run: (script, key, args) => this.#attempt('limit', () => runScript(link, script, key, [key], args, limitMs)),
    });
  }

  /** What `start` has found out; until then, the least. */
  get durability(): Backplane['durability'] {
    return this.#durability;
  }

  /** @throws BackplaneError `AWAY`, or `MISCONFIGURED` with what has to be changed */
  async start(node: string, sink: BackplaneSink): Promise<void> {
    this.#node = node;
    this.#sink = sink;
    try {
      await this.#link.open({
        ...{ listener: this.#listener(sink), deadlineMs: this.deadlineMs, clock: this.#clock },
        probeChannel: (tag) => this.#keys.probe(node, tag),
      });
      this.#durability = durabilityOf(await this.#link.infos(this.deadlineMs), this.#link.pubSub);
      await checkLayout(this.#keys, (script, key, args) =>
        runScript(this.#link, script, key, [key], args, this.deadlineMs),
      );
      await this.#link.subscribe([this.#keys.node(node), this.#keys.node(null)], this.deadlineMs);
    } catch (error) {
      await this.close();
      throw asFailure(error, 'connect');
    }
  }

  async close(): Promise<void> {
    const wasAttached = this.#sink !== undefined;
    this.#sink = undefined;
    if (wasAttached) await this.#forgetNode();
    await this.#link.close();
    await Promise.all([...this.#queues.values()].map((queue) => queue.settled()));
  }

  /** Others need not wait for the end of its lease. */
  async #forgetNode(): Promise<void> {
    const key = this.#keys.nodes;
    await this.#link.command(key, 'ZREM', [key, this.#node], quitMs).catch(() => undefined);
  }

  async publish(room: string, items: readonly Uint8Array[], options: PublishOptions): Promise<Published> {
    this.#attached('publish');
    if (items.length === 0 || (options.once && items.length > 1)) {
      const message = `Publish one item at least, and with a key exactly one; these are ${items.length}`;
      throw new BackplaneError('publish', 'REFUSED', 'none', message);
    }
    return await this.#queueOf(room).publish(items, options);
  }

  read(room: string, since: Position | null, page: PageLimits, history: History): Promise<ReadResult> {
    return this.#calls.read(room, since, page, history);
  }

  async tops(rooms: readonly string[]): Promise<readonly (Position | null)[]> {
    this.#attached('read');
    return await this.#calls.tops(rooms);
  }

  watch(rooms: readonly string[]): Promise<void> {
    return this.#attempt('watch', () => this.#watches.watch(rooms));
  }

  unwatch(rooms: readonly string[]): void {
    if (this.#sink) this.#watches.unwatch(rooms);
  }

  send(to: string | null, command: Uint8Array): Promise<number> {
    return this.#attempt('send', async () => {
      const channel = this.#keys.node(to);
      const args = [channel, writeCommand(this.#node, command)];
      const reached = await this.#link.command(channel, this.#link.pubSub.publish, args, this.deadlineMs);
      return new Reply([reached], 'send').number();
    });
  }

  #listener(sink: BackplaneSink): LinkListener {
    const own = new Set([this.#keys.node(this.#node), this.#keys.node(null)]);
    return {
      message: (channel, payload) => {
        if (!this.#sink) return;
        const room = this.#keys.roomOf(channel);
        if (own.has(channel)) commanded(sink, payload);
        else if (room !== undefined) this.#delivered(sink, room, payload);
      },
      down: (channels, cause) => this.#sink?.interrupted(this.#roomsOf(channels), asFailure(cause, 'watch')),
      up: (channels) => this.#sink?.resumed(this.#roomsOf(channels)),
    };
  }

  #roomsOf(channels: readonly string[] | 'all'): readonly string[] | 'all' {
    if (channels === 'all') return channels;
    return channels.map((channel) => this.#keys.roomOf(channel)).filter((room) => room !== undefined);
  }

  #delivered(sink: BackplaneSink, room: string, payload: Uint8Array): void {
    const message = this.#watches.has(room) ? readMessage(payload) : undefined;
    if (!message) return;
    const { epoch, offset, at, item } = message;
    if (offset > 0) sink.publication({ room, epoch, offset, at, item });
    // In a room without history the node is in the place of the epoch.
    else if (epoch !== this.#node) sink.publication({ room, epoch: '', offset: 0, at, item });
  }

  #queueOf(room: string): RoomQueue {
    const known = this.#queues.get(room);
    if (known) return known;
    const queue = new RoomQueue({
      clock: this.#clock,
      deadlineMs: this.deadlineMs,
      send: (number, items, options, leftMs) =>
        options.history.size === 0
          ? this.#calls.announce(room, items, options, leftMs)
          : this.#calls.append(room, number, items, options, leftMs),
      nextNumber: () => ++this.#numbers,
      isClosed: () => !this.#sink,
      idle: () => this.#queues.delete(room),
    });
    this.#queues.set(room, queue);
    return queue;
  }

  /** @throws BackplaneError */
  async #attempt<T>(stage: BackplaneStage, call: () => Promise<T>): Promise<T> {
    this.#attached(stage);
    try {
      return await call();
    } catch (error) {
      throw asFailure(error, stage);
    }
  }

  #attached(stage: BackplaneStage): void {
    if (!this.#sink) throw new BackplaneError(stage, 'AWAY', 'none', 'This node has not started, or has closed');
  }
}

function commanded(sink: BackplaneSink, payload: Uint8Array): void {
  const read = readCommand(payload);
  if (read) sink.command(read.command, read.from);
}
