import { type Envelope, parseError, ReservedEvent } from '@holdfast/protocol';
import { HoldfastError, lossBy } from './errors.js';
import { type StateChange } from './machine.js';
import { PendingRequest, type RequestOptions } from './pending-request.js';
import { type Clock } from './ports.js';

/** Requests that have no answer yet, by id. */
export class Requests {
  readonly #pending = new Map<string | number, PendingRequest>();
  readonly #clock: Clock;
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Unique for the life of the client. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** @param withdraw - takes the message back, if it has not been sent. */
  open(id: number, options: RequestOptions, timeoutMs: number, withdraw?: () => void): PendingRequest {
    const request = new PendingRequest(options, timeoutMs, this.#clock, () => {
      this.#pending.delete(id);
      withdraw?.();
    });
    this.#pending.set(id, request);
    return request;
  }

  /** A frame with an id: the answer to a request, part of it, or too late for one that was given up (PROTOCOL.md 4.2 to 4.4). */
  answer(id: string | number, { event, data }: Envelope): void {
    const request = this.#pending.get(id);
    if (request === undefined) return;
    if (event === ReservedEvent.error) request.fail(errorOf(data));
    else if (event === ReservedEvent.end) request.end();
    // An answer under a name of its own is a value of the stream where one is expected, and otherwise all there is.
    else if (event === ReservedEvent.next || (event !== ReservedEvent.reply && request.isStream)) request.next(data);
    else request.succeed(data);
  }

  /** What was sent gets no answer any more. */
  lose(change: StateChange): void {
    for (const request of this.#pending.values()) if (request.isSent) request.fail(lossBy(change));
  }
}

/** What a server's `$error` says; one that cannot be read is an error all the same. */
export function errorOf(data: unknown): HoldfastError {
  const error = parseError(data);
  if (!error.ok) return new HoldfastError('MALFORMED_FRAME', error.error.message);
  const { code, message } = error.value;
  return new HoldfastError(code, message, error.value);
}
