/** A connection that holds part of a message. */
export interface Holder {
  /** It holds more than any other, and all of them too much: it has to end. */
  overloaded(): void;
  /** It holds too much while it ends. */
  cut(): void;
}

/**
 * One message has to fit with what it takes to keep its chunks: that is little more than half of it in the smallest
 * packets.
 */
const leastMessages = 2;
/** The default in any case: an eighth of a small container of 512 MiB, or 256 of the largest messages by default. */
const minDefaultBytes = 64 * 1024 * 1024;
/** And in messages: below that, a few lawful ones that arrive at the same time would close each other. */
const defaultMessages = 4;
/** How much of the limit those may hold in addition that were closed and still read their close frame. */
const leavingShare = 1 / 4;

/**
 * Bounds what messages that have not arrived whole hold, over all connections: when they hold more than the limit, the
 * connection that holds most is closed. It is told why and keeps what it holds while its closing handshake goes on, so
 * all of them together hold at most a quarter more than the limit, and one chunk.
 */
export class UnfinishedBytes {
  readonly #held = new Map<Holder, number>();
  readonly #leaving = new Set<Holder>();
  #total = 0;
  #leavingTotal = 0;
  #limit: number;

  /**
   * @param given - the limit, where the application sets one.
   * @param onShed - told what a connection held that is closed for it.
   */
  constructor(
    private readonly given: number | undefined,
    private readonly onShed: (bytes: number, limit: number) => void,
  ) {
    this.#limit = given ?? minDefaultBytes;
  }

  get limit(): number {
    return this.#limit;
  }

  /** What all connections hold now, in bytes. */
  get total(): number {
    return this.#total;
  }

  /** The default makes room for the largest messages that any gateway takes. */
  makeRoomFor(maxPayloadBytes: number): void {
    if (this.given === undefined) this.#limit = Math.max(this.#limit, defaultMessages * maxPayloadBytes);
  }

  /** @param bytes - all that it holds now; 0 when its message is whole. */
  holds(holder: Holder, bytes: number): void {
    const more = bytes - (this.#held.get(holder) ?? 0);
    if (bytes > 0) this.#held.set(holder, bytes);
    else this.#held.delete(holder);
    this.#total += more;
    if (this.#leaving.has(holder)) this.#leavingTotal += more;
    if (more > 0) this.#shed();
  }

  /** Its connection has ended. */
  left(holder: Holder): void {
    this.holds(holder, 0);
    this.#leaving.delete(holder);
  }

  #shed(): void {
    while (this.#total - this.#leavingTotal > this.#limit) {
      const most = this.#largest();
      if (!most) return;
      const [holder, bytes] = most;
      this.#leaving.add(holder);
      this.#leavingTotal += bytes;
      this.onShed(bytes, this.#limit);
      holder.overloaded();
    }
    // The first of them has had most time to read its close frame.
    for (const holder of this.#leaving) {
      if (this.#total <= this.#limit * (1 + leavingShare)) return;
      if (!this.#held.has(holder)) continue;
      this.holds(holder, 0);
      holder.cut();
    }
  }

  /** Of those that stay. */
  #largest(): readonly [Holder, number] | undefined {
    let found: readonly [Holder, number] | undefined;
    for (const entry of this.#held) {
      if (entry[1] > (found?.[1] ?? 0) && !this.#leaving.has(entry[0])) found = entry;
    }
    return found;
  }
}

/** @returns what is wrong with a limit that the application sets, if anything is. */
export function unfinishedProblems(given: number | undefined, maxPayloadBytes: number): string[] {
  if (given === undefined || given >= leastMessages * maxPayloadBytes) return [];
  return [
    `messages.unfinishedBytes (${given}) must be at least twice the largest message (${maxPayloadBytes}): a single one could not arrive`,
  ];
}
