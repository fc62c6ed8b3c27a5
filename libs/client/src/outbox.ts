import { closedError, HoldfastError } from './errors.js';
import { type OutboxOptions } from './options.js';
import { type PendingRequest } from './pending-request.js';

/** A message or request that is to be sent. */
export interface Outgoing {
  readonly text: string;
  readonly bytes: number;
  readonly request?: PendingRequest;
}

/** What waits for a connection, in order and within its limits. */
export class Outbox {
  // A Set keeps the order, and a request that is given up is found without a search.
  readonly #waiting = new Set<Outgoing>();
  readonly #options: Readonly<OutboxOptions>;
  #bytes = 0;
  #dropped = 0;

  constructor(options: Readonly<OutboxOptions>) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** How many were refused or dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether it was taken. */
  add(message: Outgoing): boolean {
    const { maxMessages, maxBytes, overflow } = this.#options;
    if (overflow === 'drop-oldest' && maxMessages >= 1 && message.bytes <= maxBytes) this.#makeRoomFor(message);
    if (this.#waiting.size + 1 > maxMessages || this.#bytes + message.bytes > maxBytes) {
      this.refused();
      return false;
    }
    this.#waiting.add(message);
    this.#bytes += message.bytes;
    return true;
  }

  /** Counts what found no room in the socket, which has the same limit. */
  refused(): void {
    this.#dropped++;
  }

  /** Takes back what has not been sent. */
  remove(message: Outgoing): void {
    if (this.#waiting.delete(message)) this.#bytes -= message.bytes;
  }

  /** Hands over everything, the oldest first. */
  flush(send: (message: Outgoing) => void): void {
    for (const message of this.#waiting) {
      this.remove(message);
      send(message);
    }
  }

  /** Drops everything, with count. */
  clear(): void {
    for (const message of this.#waiting) this.#drop(message, closedError());
  }

  #makeRoomFor({ bytes }: Outgoing): void {
    const { maxMessages, maxBytes } = this.#options;
    for (const oldest of this.#waiting) {
      if (this.#waiting.size < maxMessages && this.#bytes + bytes <= maxBytes) return;
      this.#drop(oldest, new HoldfastError('OUTBOX_FULL', 'Dropped to make room for a newer message'));
    }
  }

  #drop(message: Outgoing, error: HoldfastError): void {
    this.remove(message);
    this.#dropped++;
    message.request?.fail(error);
  }
}
