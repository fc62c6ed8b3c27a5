import type { PageLimits, Published, PublishOptions, ReadResult } from '../contract/backplane.js';
import { BackplaneError, type BackplaneStage } from '../contract/backplane-error.js';
import type { History } from '../contract/history.js';
import type { Position, Publication } from '../contract/position.js';
import { Rotation } from '../log/rotation.js';
import type { Clock } from '../ports/clock.js';
import { newEpoch } from '../ports/epoch.js';
import type { Random } from '../ports/random.js';
import { RoomLog } from './room-log.js';

export interface RoomLogsLimits {
  readonly maxBytes: number;
  readonly roomIdleMs: number;
}

export interface Appended {
  readonly published: Published;
  /** What has to be delivered; empty for a repeated key. */
  readonly publications: readonly Publication[];
}

/** Approximate heap of a room without items, and of an item or key without its bytes. */
const roomBytes = 320;
const entryBytes = 120;

/** The logs of all rooms, with a limit on their bytes. */
export class RoomLogs {
  readonly #logs = new Map<string, RoomLog>();
  readonly #rotation = new Rotation(this.#logs);
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: RoomLogsLimits;
  /**
   * Wall time at 0 of the monotonic clock. Histories age by the monotonic clock, because the wall clock may be
   * adjusted.
   */
  readonly #startedAt: number;
  readonly #stored: () => void;
  #bytes = 0;

  /** @param stored - called when there is something that can expire. */
  constructor(clock: Clock, random: Random, limits: RoomLogsLimits, stored: () => void = () => undefined) {
    this.#stored = stored;
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
    this.#startedAt = clock.wallNow() - clock.now();
  }

  /** Number of rooms. */
  get size(): number {
    return this.#logs.size;
  }

  /** Bytes of all rooms, with overhead. */
  get bytes(): number {
    return this.#bytes;
  }

  publish(room: string, items: readonly Uint8Array[], { history, once }: PublishOptions): Appended {
    const now = this.#now();
    if (history.size === 0 && !once) {
      const publications = items.map((item) => ({ epoch: '', offset: 0, room, at: now, item }));
      return { published: { first: null, at: now, repeat: false }, publications };
    }
    const log = this.#logOf(room, now, 'publish');
    const answer = once && log.answerTo(once.key, now);
    if (answer) return { published: { ...answer, repeat: true }, publications: [] };
    this.#using(log, () => log.expire(now));
    this.#requireRoomFor(log, items, history, once ? 1 : 0);
    return this.#using(log, () => {
      const publications = log.append(items, history, now);
      const [{ epoch, offset }] = publications as [Publication];
      const first = history.size === 0 ? null : { epoch, offset };
      const published: Published = { first, at: now, repeat: false };
      if (once) log.remember(once.key, published, now + once.windowMs);
      return { published, publications };
    });
  }

  read(room: string, since: Position | null, page: PageLimits, history: History): ReadResult {
    const now = this.#now();
    const log = this.#logOf(room, now, 'read');
    this.#using(log, () => log.expire(now));
    return log.read(since, page, history);
  }

  top(room: string): Position | null {
    const log = this.#logs.get(room);
    if (!log) return null;
    log.usedAt = this.#now();
    return log.top;
  }

  /** Removes expired items and unused rooms, among the next `share` of all rooms. */
  sweep(share: number): void {
    const now = this.#now();
    for (const [room, log] of this.#rotation.next(share)) {
      this.#using(log, () => log.expire(now));
      if (log.entries > 0 || log.usedAt + this.#limits.roomIdleMs > now) continue;
      this.#logs.delete(room);
      this.#bytes -= costOf(log);
    }
  }

  /** Changes the stored data, like a restart with other data does. For tests. */
  change(change: (logs: Map<string, RoomLog>, epoch: () => string) => void): void {
    change(this.#logs, () => newEpoch(this.#random));
    this.#bytes = [...this.#logs.values()].reduce((sum, log) => sum + costOf(log), 0);
    this.#stored();
  }

  #logOf(room: string, now: number, stage: BackplaneStage): RoomLog {
    let log = this.#logs.get(room);
    if (!log) {
      log = new RoomLog(room, newEpoch(this.#random));
      if (this.#bytes + costOf(log) > this.#limits.maxBytes) throw this.#full(stage);
      this.#logs.set(room, log);
      this.#bytes += costOf(log);
      this.#stored();
    }
    log.usedAt = now;
    return log;
  }

  #requireRoomFor(log: RoomLog, items: readonly Uint8Array[], history: History, keys: number): void {
    const needed = items.reduce((sum, item) => sum + item.byteLength + entryBytes, keys * entryBytes);
    if (this.#bytes + needed <= this.#limits.maxBytes) return;
    // A full history drops as many items as it gets, so close to the limit those have to be counted, too.
    if (this.#bytes + needed - log.bytesFreedBy(items.length, history) > this.#limits.maxBytes) {
      throw this.#full('publish');
    }
  }

  /** Updates the sum of bytes by what the call changes. */
  #using<T>(log: RoomLog, use: () => T): T {
    const before = costOf(log);
    const result = use();
    this.#bytes += costOf(log) - before;
    return result;
  }

  #full(stage: BackplaneStage): BackplaneError {
    const { maxBytes } = this.#limits;
    return new BackplaneError(
      stage,
      'FULL',
      'none',
      `The histories of all rooms take ${this.#bytes} of ${maxBytes} bytes; shorten them, or raise maxBytes`,
    );
  }

  #now(): number {
    return this.#startedAt + this.#clock.now();
  }
}

function costOf(log: RoomLog): number {
  return roomBytes + 2 * log.room.length + log.bytes + log.entries * entryBytes;
}
