import { type Envelope, isReserved, type ReservedEvent } from '@holdfast/protocol';
import { HoldfastError } from './errors.js';
import type { Outgoing } from './outbox.js';

/** Names of reserved events, written as literals: the object with all of them is 1 % of what browsers load. */
export type ReservedName = (typeof ReservedEvent)[keyof typeof ReservedEvent];

const utf8 = new TextEncoder();

/**
 * One frame of the application.
 *
 * @throws {@link HoldfastError} `MALFORMED_FRAME` for an event that no server takes, `UNENCODABLE`.
 */
export function outgoing(event: string, data: unknown, id?: number): Outgoing {
  if (event === '' || isReserved(event)) {
    throw new HoldfastError('MALFORMED_FRAME', 'An event must not be empty or begin with $');
  }
  try {
    // JSON leaves out what is undefined.
    const text = JSON.stringify({ event, data, id });
    return { text, bytes: utf8.encode(text).length };
  } catch (cause) {
    throw new HoldfastError('UNENCODABLE', 'The data cannot be expressed in JSON', { cause });
  }
}

/**
 * One frame of the server; undefined when it is none. Servers are checked for what we use: the strict decoder of the
 * protocol is for what hostile peers send, and would be a fifth of what browsers load.
 */
export function incoming(data: unknown): Envelope | undefined {
  // PROTOCOL.md 3.8. The bytes of `ws` would turn into text by themselves.
  if (typeof data !== 'string') return undefined;
  try {
    // Safe: what is used of it is checked where it is used, but for the event.
    const envelope = JSON.parse(data) as Envelope | null;
    return typeof envelope?.event === 'string' ? envelope : undefined;
  } catch {
    return undefined;
  }
}
