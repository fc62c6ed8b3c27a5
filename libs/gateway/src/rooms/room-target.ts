import { type Once, type RoomHub, roomKindOf } from '@holdfast/backplane';
import { isReserved } from '@holdfast/protocol';
import { randomBytes } from 'node:crypto';
import { Connection, type Principal } from '../connection/index.js';
import { HoldfastError } from '../errors/index.js';
import type { Counters } from '../telemetry/index.js';
import { type ItemHeader, itemOf } from './publication-item.js';
import { unavailable } from './room-errors.js';
import type { RoomLimits } from './room-limits.js';
import type { RoomPolicies } from './room-policies.js';
import type { RoomPosition } from './room-position.js';

/** How long a key holds where nothing else is said. */
const defaultOnceMs = 300_000;
const maxOnceKey = 256;

/**
 * How {@link RoomTarget.emit} publishes.
 *
 * @publicApi
 */
export interface PublishOptions {
  /**
   * Idempotency key of 1 to 256 characters: a second publication to the room with the same key, within `windowMs`, is
   * not published, and gets the position of the first. A key alone holds for 300,000 ms.
   */
  readonly once?: string | Once;
  /** Only to members on this node. Not in a room with history. */
  readonly local?: boolean;
  /** Members that do not read fast enough do not get it, and stay connected. Not in a room with history. */
  readonly volatile?: boolean;
}

export interface RoomTargetParts {
  readonly hub: RoomHub;
  readonly policies: RoomPolicies;
  readonly limits: RoomLimits;
  readonly counters: Counters;
}

type Result = RoomPosition | null | Error;

/**
 * Rooms to publish to. Made by {@link Rooms.to}.
 *
 * @publicApi
 */
export class RoomTarget<Events extends object, R> {
  readonly #parts: RoomTargetParts;
  readonly #rooms: readonly string[];
  readonly #resultOf: (results: readonly Result[]) => R;
  readonly #except: readonly string[];

  /** @internal */
  constructor(
    parts: RoomTargetParts,
    rooms: readonly string[],
    resultOf: (results: readonly Result[]) => R,
    except: readonly string[] = [],
  ) {
    this.#parts = parts;
    this.#rooms = rooms;
    this.#resultOf = resultOf;
    this.#except = except;
  }

  /** Leaves somebody out: a connection, or all connections of a principal. Also when the room is replayed. */
  except<Data extends object>(who: Connection<Data> | Principal): RoomTarget<Events, R> {
    const name = who instanceof Connection ? `c:${who.id}` : `p:${who.subject}`;
    return new RoomTarget(this.#parts, this.#rooms, this.#resultOf, [...this.#except, name]);
  }

  /**
   * Publishes an event. Resolves once it is stored: with its position, null in a room without history; for several
   * rooms with one result for each, in their order, which may be an error.
   *
   * @throws (rejects with) HoldfastError `INVALID_EVENT_NAME`, `INVALID_DATA`, `PUBLICATION_TOO_LARGE`,
   *   `INVALID_PUBLICATION`; HoldfastException `UNAVAILABLE`, whose details say whether it may have been published
   */
  async emit<K extends keyof Events & string>(event: K, data?: Events[K], options: PublishOptions = {}): Promise<R> {
    checkEvent(event);
    const once = onceOf(options.once);
    const { publicationBytes } = this.#parts.limits;
    const items = this.#headers(options).map((header) => itemOf(event, data, publicationBytes, header));
    // Begun before anything is awaited: publications have the order of the calls.
    const results = items.map((item, index) => this.#publish(this.#rooms[index] ?? '', item, options, once));
    const settled = await Promise.allSettled(results);
    return this.#resultOf(settled.map((one) => (one.status === 'fulfilled' ? one.value : asError(one.reason))));
  }

  /** One for each room; undefined for the usual publication, which needs none. */
  #headers({ volatile }: PublishOptions): (ItemHeader | undefined)[] {
    const isOne = this.#rooms.length === 1;
    if (isOne && this.#except.length === 0 && !volatile) return [undefined];
    const shared: ItemHeader = {
      ...(this.#except.length > 0 && { except: this.#except }),
      ...(!isOne && { publication: randomBytes(9).toString('base64url') }),
      ...(volatile && { volatile }),
    };
    return this.#rooms.map((_, index) => (index === 0 ? shared : { ...shared, after: this.#rooms.slice(0, index) }));
  }

  async #publish(
    room: string,
    item: Uint8Array,
    options: PublishOptions,
    once: Once | undefined,
  ): Promise<RoomPosition | null> {
    const { hub, policies, counters } = this.#parts;
    const { history } = policies.of(room);
    if (history.size > 0) refuseIn(room, options);
    if (options.local) {
      hub.publishHere(room, item);
      return null;
    }
    const { first } = await hub.publish(room, item, once).catch(unavailable);
    counters.add('published', roomKindOf(history));
    return first && { room, ...first };
  }
}

function onceOf(given: string | Once | undefined): Once | undefined {
  if (given === undefined) return undefined;
  const once = typeof given === 'string' ? { key: given, windowMs: defaultOnceMs } : given;
  const isKey = typeof once.key === 'string' && once.key.length > 0 && once.key.length <= maxOnceKey;
  if (isKey && Number.isInteger(once.windowMs) && once.windowMs > 0) return once;
  throw new HoldfastError(
    'INVALID_PUBLICATION',
    `"once" must be a key of 1 to ${maxOnceKey} characters, or { key, windowMs } with a whole number of milliseconds from 1`,
  );
}

function refuseIn(room: string, { local, volatile }: PublishOptions): void {
  if (!local && !volatile) return;
  const message = `"${local ? 'local' : 'volatile'}" is not possible in ${room}: it has a history, and members would miss the event`;
  throw new HoldfastError('INVALID_PUBLICATION', message);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** @throws HoldfastError `INVALID_EVENT_NAME` */
export function checkEvent(event: string): void {
  if (event !== '' && !isReserved(event)) return;
  throw new HoldfastError('INVALID_EVENT_NAME', `Event "${event}" is empty or reserved: "$" belongs to the protocol`);
}
