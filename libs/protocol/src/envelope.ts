/**
 * One message on the wire, in either direction (PROTOCOL.md 3).
 *
 * @publicApi
 */
export interface Envelope {
  /** What the message is about. Not empty; names that begin with `$` belong to the protocol (PROTOCOL.md 3.4). */
  event: string;
  /** Any JSON value. Absent and `null` are two different things. */
  data?: unknown;
  /** Correlates a request with its answer. A non-empty string or a safe integer, chosen by the sender. */
  id?: string | number;
  /** The room a message belongs to. Not empty. */
  room?: string;
  /** Position of a message in its room: a safe integer, 0 or more. */
  offset?: number;
  /** W3C Trace Context `traceparent`. */
  trace?: string;
}
