import { type Envelope, parseError, ReservedEvent } from '@holdfast/protocol';
import { closedError, HoldfastError } from './errors.js';
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

  /** A new request, not sent yet; its id is unique for the life of the client. */
  open(options: RequestOptions, timeoutMs: number): { id: number; request: PendingRequest } {
    const id = ++this.#lastId;
    const request = new PendingRequest(options, timeoutMs, this.#clock, () => this.#pending.delete(id));
    this.#pending.set(id, request);
    return { id, request };
  }

  /** Whether the frame is the answer to a request, or part of it (PROTOCOL.md 4.2 to 4.4). */
  answer({ event, id, data }: Envelope): boolean {
    const request = id === undefined ? undefined : this.#pending.get(id);
    if (request === undefined) return false;
    if (event === ReservedEvent.error) request.fail(errorOf(data));
    else if (event === ReservedEvent.end) request.end();
    else if (event === ReservedEvent.next) request.next(data);
    // An answer under a name of its own is a value of the stream where one is expected, and otherwise all there is.
    else if (event !== ReservedEvent.reply && request.isStream) request.next(data);
    else request.succeed(data);
    return true;
  }

  /** The connection ended: what was sent on it gets no answer any more (PROTOCOL.md 4.9). */
  lose(): void {
    for (const request of this.#pending.values()) {
      if (!request.isSent) continue;
      const message = 'The connection ended before the answer; the request may have had its effect';
      request.fail(new HoldfastError('CONNECTION_LOST', message));
    }
  }

  /** Nothing will be answered any more. */
  close(): void {
    for (const request of this.#pending.values()) request.fail(closedError());
  }
}

/** What a server's `$error` says; one that cannot be read is an error all the same. */
export function errorOf(data: unknown): HoldfastError {
  const error = parseError(data);
  if (!error.ok) return new HoldfastError('MALFORMED_FRAME', error.error.message);
  const { code, message } = error.value;
  return new HoldfastError(code, message, error.value);
}
