import type { Envelope } from '@holdfast/protocol';
import { lossBy, type StateChange } from './state.js';
import { PendingRequest, type RequestOptions } from './pending-request.js';
import type { Clock } from './ports.js';

/** Requests that have no answer yet, by id. */
export class Requests {
  readonly #pending = new Map<string | number, PendingRequest>();
  readonly #clock: Clock;
  readonly #hint: () => string;
  #lastId = 0;

  /** @param hint - why a request may not have been sent, for its error. */
  constructor(clock: Clock, hint: () => string) {
    this.#clock = clock;
    this.#hint = hint;
  }

  /** Unique for the life of the client. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** @param withdraw - takes the message back, if it has not been sent. */
  open(id: number, options: RequestOptions, timeoutMs: number, withdraw?: () => void): PendingRequest {
    const request = new PendingRequest(options, timeoutMs, this.#clock, this.#hint, () => {
      this.#pending.delete(id);
      withdraw?.();
    });
    this.#pending.set(id, request);
    return request;
  }

  /** A frame with an id answers a request, or comes too late for one that was given up. */
  answer(id: string | number, envelope: Envelope): void {
    this.#pending.get(id)?.answer(envelope);
  }

  /** What was sent gets no answer any more. @param on - the connection. Default: any. */
  lose(change: Omit<StateChange, 'from' | 'attempts'>, on?: object): void {
    for (const request of this.#pending.values()) {
      if (request.sentOn && (!on || request.sentOn === on)) request.fail(lossBy(change));
    }
  }
}
