import { type Envelope, isReserved } from '@holdfast/protocol';
import { HoldfastError } from './errors.js';
import type { Outgoing } from './outbox.js';

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
  return frameOf(event, data, id);
}

/** @throws {@link HoldfastError} `UNENCODABLE` */
export function frameOf(event: string, data: unknown, id?: number): Outgoing {
  try {
    // JSON leaves out what is undefined.
    const text = JSON.stringify({ event, data, id }, keepAll);
    return { text, bytes: utf8.encode(text).length };
  } catch (cause) {
    const reason = cause instanceof TypeError ? `: ${cause.message}` : '';
    throw new HoldfastError('UNENCODABLE', `The data cannot be expressed in JSON${reason}`, { cause });
  }
}

/** Refuses what JSON would leave out or turn into something else, without a word. */
function keepAll(this: Record<string, unknown>, key: string, value: unknown): unknown {
  // Not `value`: a Buffer of Node has turned itself into an object of numbers by now.
  const kind = Object.prototype.toString.call(this[key]).slice(8, -1);
  if (/.Array$|Buffer|View|^(Map|Set|Blob|File|Promise|Symbol)$|Function/.test(kind)) {
    throw new TypeError(`${key} is of type ${kind}`);
  }
  return value;
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
