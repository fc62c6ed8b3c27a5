import { HoldfastError } from './errors.js';
import { lossBy, type StateChange } from './state.js';
import type { OutboxOptions } from './options.js';
import type { PendingRequest } from './pending-request.js';

/** A message or request that is to be sent. */
export interface Outgoing {
  readonly text: string;
  readonly bytes: number;
  request?: PendingRequest;
}

/** What waits for a connection, in order and within its limits. */
export class Outbox {
  // A Set keeps the order, and a request that is given up is found without a search.
  readonly #waiting = new Set<Outgoing>();
  readonly #options: Readonly<OutboxOptions>;
  readonly #hint: () => string;
  #bytes = 0;
  #dropped = 0;

  /** @param hint - why messages may be waiting, for errors. */
  constructor(options: Readonly<OutboxOptions>, hint: () => string) {
    this.#options = options;
    this.#hint = hint;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** How many were refused or dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Keeps the message, or says why not. */
  add(message: Outgoing): HoldfastError | undefined {
    const { maxMessages, maxBytes, overflow } = this.#options;
    if (overflow === 'drop-oldest' && maxMessages >= 1 && message.bytes <= maxBytes) {
      for (const oldest of this.#waiting) {
        if (this.#hasRoomFor(message)) break;
        this.#drop(oldest, this.#full());
      }
    }
    if (!this.#hasRoomFor(message)) return this.refuse();
    this.#waiting.add(message);
    this.#bytes += message.bytes;
    return undefined;
  }

  /** For want of room here, or in the socket, which has the same limit. */
  refuse(error = this.#full()): HoldfastError {
    this.#dropped++;
    return error;
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
  clear(change: StateChange): void {
    for (const message of this.#waiting) this.#drop(message, lossBy(change));
  }

  #hasRoomFor({ bytes }: Outgoing): boolean {
    return this.#waiting.size < this.#options.maxMessages && this.#bytes + bytes <= this.#options.maxBytes;
  }

  #drop(message: Outgoing, error: HoldfastError): void {
    this.remove(message);
    this.#dropped++;
    message.request?.fail(error);
  }

  #full(): HoldfastError {
    return new HoldfastError('OUTBOX_FULL', `The outbox is full${this.#hint()}`);
  }
}
