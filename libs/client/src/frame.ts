import { type Envelope, isReserved } from '@holdfast/protocol';
import { HoldfastError } from './errors.js';
import { type Outgoing } from './outbox.js';
import { type PendingRequest } from './pending-request.js';

const utf8 = new TextEncoder();

/**
 * One frame of the application.
 *
 * @throws {@link HoldfastError} `MALFORMED_FRAME` for an event that no server takes, `UNENCODABLE`, `PAYLOAD_TOO_LARGE`.
 */
export function outgoing(
  event: string,
  data: unknown,
  maxBytes: number,
  id?: number,
  request?: PendingRequest,
): Outgoing {
  if (event === '' || isReserved(event)) {
    throw new HoldfastError('MALFORMED_FRAME', 'The name of an event must not be empty or begin with $');
  }
  let text: string;
  try {
    // JSON leaves out what is undefined.
    text = JSON.stringify({ event, data, id });
  } catch (cause) {
    throw new HoldfastError('UNENCODABLE', 'The data cannot be expressed in JSON', { cause });
  }
  const bytes = utf8.encode(text).length;
  if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
  return { text, bytes, request };
}

/**
 * One frame of the server; undefined when it is none. Servers are checked for what we use: the strict decoder of the
 * protocol is for what hostile peers send, and would be a fifth of what browsers load.
 */
export function incoming(data: unknown): Envelope | undefined {
  try {
    // Safe: what is used of it is checked where it is used, but for the event.
    const envelope = JSON.parse(data as string) as Envelope | null;
    return typeof envelope?.event === 'string' ? envelope : undefined;
  } catch {
    return undefined;
  }
}

export function tooLarge(bytes: number, maxBytes: number): HoldfastError {
  return new HoldfastError('PAYLOAD_TOO_LARGE', `The server takes ${maxBytes} bytes, and the frame has ${bytes}`);
}
