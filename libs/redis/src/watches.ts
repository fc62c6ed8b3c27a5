import { chunks } from './chunks.js';

/** Channels of one command. */
const mostChannels = 512;

export interface WatchesParts {
  channelOf(room: string): string;
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): void;
}

/** The rooms that this node follows, counted. What is wanted in one turn of the event loop goes in one command. */
export class Watches {
  readonly #counts = new Map<string, number>();
  /** Rooms whose subscription was acknowledged, or is on its way. */
  readonly #subscribed = new Map<string, Promise<void>>();
  #wanted: string[] = [];
  #unwanted = new Set<string>();
  #flushed: Promise<void> | undefined;

  constructor(private readonly parts: WatchesParts) {}

  has(room: string): boolean {
    return this.#counts.has(room);
  }

  async watch(rooms: readonly string[]): Promise<void> {
    for (const room of rooms) this.#add(room);
    try {
      await (this.#flushed ??= Promise.resolve().then(() => this.#flush()));
      for (const room of rooms) await this.#subscribed.get(room);
    } catch (error) {
      this.unwatch(rooms);
      throw error;
    }
  }

  unwatch(rooms: readonly string[]): void {
    for (const room of rooms) {
      const count = this.#counts.get(room) ?? 0;
      if (count > 1) this.#counts.set(room, count - 1);
      else if (this.#counts.delete(room)) this.#unwanted.add(room);
    }
    if (this.#unwanted.size > 0) this.#flushed ??= Promise.resolve().then(() => this.#flush());
  }

  #add(room: string): void {
    const count = this.#counts.get(room) ?? 0;
    this.#counts.set(room, count + 1);
    this.#unwanted.delete(room);
    if (count === 0 && !this.#subscribed.has(room)) this.#wanted.push(room);
  }

  #flush(): void {
    this.#flushed = undefined;
    const unwanted = [...this.#unwanted];
    this.#unwanted = new Set();
    for (const room of unwanted) this.#subscribed.delete(room);
    for (const channels of chunks(
      unwanted.map((room) => this.parts.channelOf(room)),
      mostChannels,
    ))
      this.parts.unsubscribe(channels);
    const wanted = this.#wanted.filter((room) => this.#counts.has(room) && !this.#subscribed.has(room));
    this.#wanted = [];
    for (const rooms of chunks([...new Set(wanted)], mostChannels)) this.#subscribe(rooms);
  }

  #subscribe(rooms: readonly string[]): void {
    const subscribed = this.parts.subscribe(rooms.map((room) => this.parts.channelOf(room)));
    // Those who wait for it are told.
    subscribed.catch(() => rooms.forEach((room) => this.#subscribed.delete(room)));
    for (const room of rooms) this.#subscribed.set(room, subscribed);
  }
}
