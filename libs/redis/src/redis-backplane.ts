import { randomBytes } from 'node:crypto';
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
  roomKindOf,
  systemClock,
} from '@holdfast/backplane';
import { chunks } from './chunks.js';
import { asFailure, nonsense } from './errors.js';
import { Keys } from './keys.js';
import type { Argument, LinkListener, RedisLink, Script } from './link.js';
import { readCommand, readMessage, writeCommand } from './messages.js';
import { RedisSessionStore } from './redis-session-store.js';
import { Reply } from './replies.js';
import { RoomQueue } from './room-queue.js';
import { runScript } from './run-script.js';
import { announce, append, read, tops } from './scripts/rooms.js';
import { type ServerFacts, serverFacts } from './server-facts.js';
import { SubscriptionProbe } from './subscription-probe.js';
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
   * Milliseconds after which a room is forgotten that nobody publishes to, reads or watches. After that it starts in a
   * new epoch. Longer than clients may be away, and than the longest history. Default 3,600,000 (1 h).
   */
  readonly roomIdleMs?: number;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

const prefixes = /^[\w.:-]{1,64}$/;

/** Rooms of one script call: it blocks the server for so long. */
const mostTops = 200;

/**
 * The engine on Redis: a list for the log of each room, a hash for its position, and channels for deliveries.
 *
 * @publicApi
 */
export class RedisBackplane implements Backplane {
  readonly name = 'redis';
  readonly deadlineMs: number;
  readonly sessions: RedisSessionStore;
  readonly #link: RedisLink;
  readonly #keys: Keys;
  readonly #clock: Clock;
  readonly #roomIdleMs: number;
  readonly #queues = new Map<string, RoomQueue>();
  readonly #watches: Watches;
  readonly #probe: SubscriptionProbe;
  #facts: ServerFacts | undefined;
  #node = '';
  #sink: BackplaneSink | undefined;
  #calls = 0;

  /** @throws TypeError when the prefix is not allowed */
  constructor(link: RedisLink, { prefix, deadlineMs = 2_000, roomIdleMs = 3_600_000, clock }: RedisBackplaneOptions) {
    if (!prefixes.test(prefix)) {
      throw new TypeError(`prefix must be 1 to 64 letters, digits, ".", "_", "-" or ":", but is "${prefix}"`);
    }
    this.deadlineMs = deadlineMs;
    this.#roomIdleMs = roomIdleMs;
    this.#link = link;
    this.#clock = clock ?? systemClock;
    const keys = (this.#keys = new Keys(prefix));
    this.#watches = new Watches({
      channelOf: (room) => keys.channel(room),
      subscribe: (channels) => link.subscribe(channels, deadlineMs),
      unsubscribe: (channels) => link.unsubscribe(channels),
    });
    this.#probe = new SubscriptionProbe({
      clock: this.#clock,
      publish: () => link.command('PUBLISH', [keys.node(this.#node), ''], deadlineMs),
      dead: () => link.reconnect(),
    });
    this.sessions = new RedisSessionStore({
      keys,
      run: async (script, names, args) => await this.#run('session', script, names, args),
      command: async (name, args) => {
        this.#attached('session');
        return await link.command(name, args, deadlineMs);
      },
    });
  }

  /** What `start` has found out; until then, what is certain. */
  get durability(): ServerFacts['durability'] {
    return this.#facts?.durability ?? { kind: 'memory', loseMs: 0, warnings: [] };
  }

  /** @throws BackplaneError `AWAY`, or `MISCONFIGURED` with what has to be changed */
  async start(node: string, sink: BackplaneSink): Promise<void> {
    this.#node = node;
    this.#sink = sink;
    try {
      await this.#link.open(this.#listener(sink), this.deadlineMs);
      const info = await this.#link.command('INFO', [], this.deadlineMs);
      this.#facts = serverFacts(String(info));
      await this.#link.subscribe([this.#keys.node(node), this.#keys.node(null)], this.deadlineMs);
      this.#probe.start();
    } catch (error) {
      this.#sink = undefined;
      await this.#link.close();
      throw asFailure(error, 'connect');
    }
  }

  async close(): Promise<void> {
    this.#sink = undefined;
    this.#probe.stop();
    await this.#link.close();
    await Promise.all([...this.#queues.values()].map((queue) => queue.settled()));
  }

  async publish(room: string, items: readonly Uint8Array[], options: PublishOptions): Promise<Published> {
    this.#attached('publish');
    if (items.length === 0 || (options.once && items.length > 1)) {
      const message = `Publish one item at least, and with a key exactly one; these are ${items.length}`;
      throw new BackplaneError('publish', 'REFUSED', 'none', message);
    }
    return await this.#queueOf(room).publish(items, options);
  }

  async read(room: string, since: Position | null, page: PageLimits, history: History): Promise<ReadResult> {
    const isLatest = roomKindOf(history) === 'latest' ? 1 : 0;
    const args = [
      newEpoch(),
      this.#roomIdleMs,
      since?.epoch ?? '',
      since?.offset ?? 0,
      page.items,
      page.bytes,
      isLatest,
    ];
    const keys = [this.#keys.meta(room), this.#keys.log(room)];
    const finite = args.map((value) => (value === Infinity ? Number.MAX_SAFE_INTEGER : value));
    const reply = new Reply(await this.#run('read', read, keys, finite), 'read');
    const top = { epoch: reply.text(), offset: reply.number() };
    const reason = reply.text();
    if (reason === 'epoch' || reason === 'trimmed' || reason === 'future') return { whole: false, top, reason };
    const [from, undone, first] = [reply.number(), reply.number(), reply.number()];
    const items: { epoch: string; offset: number; room: string; at: number; item: Uint8Array }[] = [];
    while (reply.hasMore) {
      items.push({ epoch: top.epoch, offset: first + items.length, room, ...storedItem(reply.bytes()) });
    }
    return { whole: true, top, from, undone, items, more: items.length > 0 && first + items.length - 1 < top.offset };
  }

  async tops(rooms: readonly string[]): Promise<readonly (Position | null)[]> {
    this.#attached('read');
    const found = new Map<string, Position | null>();
    const partitions = new Map<number, string[]>();
    for (const room of new Set(rooms)) {
      const partition = this.#keys.partition(room);
      partitions.set(partition, [...(partitions.get(partition) ?? []), room]);
    }
    const calls = [...partitions.values()].flatMap((all) =>
      chunks(all, mostTops).map((some) => this.#topsOf(some, found)),
    );
    await Promise.all(calls);
    return rooms.map((room) => found.get(room) ?? null);
  }

  async watch(rooms: readonly string[]): Promise<void> {
    this.#attached('watch');
    try {
      await this.#watches.watch(rooms);
    } catch (error) {
      throw asFailure(error, 'watch');
    }
    this.#attached('watch');
  }

  unwatch(rooms: readonly string[]): void {
    if (this.#sink) this.#watches.unwatch(rooms);
  }

  async send(to: string | null, command: Uint8Array): Promise<number> {
    this.#attached('send');
    const args = [this.#keys.node(to), writeCommand(this.#node, command)];
    try {
      return new Reply([await this.#link.command('PUBLISH', args, this.deadlineMs)], 'send').number();
    } catch (error) {
      throw asFailure(error, 'send');
    }
  }

  #listener(sink: BackplaneSink): LinkListener {
    const own = new Set([this.#keys.node(this.#node), this.#keys.node(null)]);
    return {
      message: (channel, payload) => {
        this.#probe.heard();
        if (!this.#sink) return;
        if (own.has(channel)) {
          const read = readCommand(payload);
          if (read) sink.command(read.command, read.from);
          return;
        }
        const room = this.#watches.roomOf(channel);
        const message = room === undefined ? undefined : readMessage(payload);
        if (room === undefined || !message) return;
        const { offset, item, at } = message;
        if (offset > 0) sink.publication({ room, epoch: message.epoch, offset, at, item });
        // In a room without history the node is in the place of the epoch.
        else if (message.epoch !== this.#node) sink.publication({ room, epoch: '', offset: 0, at, item });
      },
      down: (cause) => this.#sink?.interrupted('all', asFailure(cause, 'watch')),
      up: () => this.#sink?.resumed('all'),
    };
  }

  #queueOf(room: string): RoomQueue {
    const known = this.#queues.get(room);
    if (known) return known;
    const queue = new RoomQueue({
      clock: this.#clock,
      deadlineMs: this.deadlineMs,
      append: (number, items, options, leftMs) =>
        options.history.size === 0
          ? this.#announce(room, items, options, leftMs)
          : this.#append(room, number, items, options, leftMs),
      nextNumber: () => ++this.#calls,
      isClosed: () => !this.#sink,
      idle: () => this.#queues.delete(room),
    });
    this.#queues.set(room, queue);
    return queue;
  }

  async #append(
    room: string,
    number: number,
    items: readonly Uint8Array[],
    { history, once }: PublishOptions,
    deadlineMs: number,
  ): Promise<Published> {
    const keys = [this.#keys.meta(room), this.#keys.log(room), this.#keys.call(room, this.#node)];
    const maxBytes = Math.min(history.maxBytes ?? Infinity, Number.MAX_SAFE_INTEGER);
    const args: Argument[] = [number, newEpoch(), history.size, maxBytes, history.ttlMs, this.#roomIdleMs];
    args.push(once?.windowMs ?? 0, this.#keys.channel(room), ...items);
    const answer = await this.#run(
      'publish',
      append,
      [...keys, this.#keys.once(room, once?.key ?? '')],
      args,
      deadlineMs,
    );
    const reply = new Reply(answer, 'publish');
    const first = { epoch: reply.text(), offset: reply.number() };
    return { first, at: reply.number(), repeat: reply.number() === 1 };
  }

  async #announce(
    room: string,
    items: readonly Uint8Array[],
    { once }: PublishOptions,
    deadlineMs: number,
  ): Promise<Published> {
    const args = [once?.windowMs ?? 0, this.#keys.channel(room), this.#node, ...items];
    const answer = await this.#run('publish', announce, [this.#keys.once(room, once?.key ?? '')], args, deadlineMs);
    const reply = new Reply(answer, 'publish');
    return { first: null, at: reply.number(), repeat: reply.number() === 1 };
  }

  async #topsOf(rooms: readonly string[], found: Map<string, Position | null>): Promise<void> {
    const keys = rooms.map((room) => this.#keys.meta(room));
    const reply = new Reply(await this.#run('read', tops, keys, [this.#roomIdleMs]), 'read');
    for (const room of rooms) {
      const [epoch, offset] = [reply.text(), reply.number()];
      found.set(room, epoch === '' ? null : { epoch, offset });
    }
  }

  async #run(
    stage: BackplaneStage,
    script: Script,
    keys: readonly string[],
    args: readonly Argument[],
    deadlineMs: number = this.deadlineMs,
  ): Promise<unknown> {
    this.#attached(stage);
    try {
      return await runScript(this.#link, script, keys, args, deadlineMs);
    } catch (error) {
      throw asFailure(error, stage);
    }
  }

  #attached(stage: BackplaneStage): void {
    if (!this.#sink) throw new BackplaneError(stage, 'AWAY', 'none', 'This node has not started, or has closed');
  }
}

function newEpoch(): string {
  return randomBytes(9).toString('base64url');
}

/** As `append` has stored it: the time, a colon, and the item. */
function storedItem(stored: Uint8Array): { at: number; item: Uint8Array } {
  const colon = stored.indexOf(58);
  const at = Number(Buffer.from(stored.subarray(0, colon)).toString());
  if (colon < 1 || !Number.isSafeInteger(at)) throw nonsense('read', 'an item without a time');
  return { at, item: stored.subarray(colon + 1) };
}
