import type { DrainData, Envelope } from '@holdfast/protocol';
import type { HoldfastError } from './errors.js';
import type { StateChange } from './state.js';

/**
 * The events of an application, as interfaces of one's own:
 *
 * ```ts
 * interface ChatEvents {
 *   server: { said: { from: string; text: string } };
 *   client: { join(data: { room: string }): { people: number }; typing(): void };
 * }
 * ```
 *
 * `server`: events of the server and their data. `client`: events of the client, as functions of their data; what they
 * return is what a request is answered with, or each value of the stream that answers it.
 *
 * @publicApi
 */
export interface EventMap {
  server: object;
  client: object;
}

/**
 * Any event with any data, for a client without an {@link EventMap} of its own.
 *
 * @publicApi
 */
export interface AnyEvents {
  server: Record<string, unknown>;
  client: Record<string, (data?: unknown) => unknown>;
}

/**
 * Events of the client itself. Their names begin with `$`, which no event of an application does (PROTOCOL.md 3.4).
 *
 * @publicApi
 */
export interface ClientEvents {
  /** The state has changed. */
  $state: StateChange;
  /** The server is shutting down; the client reconnects by itself within the window (PROTOCOL.md 10). */
  $drain: DrainData;
  /**
   * Something went wrong that no request was about: an `$error` without an id, an unusable frame, a failed token
   * provider.
   */
  $error: HoldfastError;
}

type EventName<T> = Extract<keyof T, string>;

/** @publicApi */
export type ServerEvent<E extends EventMap> = EventName<E['server']>;

/** @publicApi */
export type ClientEvent<E extends EventMap> = EventName<E['client']>;

/** What goes with an event of the client: nothing, or its data. */
export type DataOf<E extends EventMap, K extends ClientEvent<E>> = E['client'][K] extends (...args: infer A) => unknown
  ? A
  : never;

/** What a request is answered with. */
export type ReplyOf<E extends EventMap, K extends ClientEvent<E>> = E['client'][K] extends (...args: never[]) => infer R
  ? Awaited<R>
  : never;

/**
 * Called with the data of an event; `envelope` is the whole frame, and undefined for events of the client itself.
 *
 * @publicApi
 */
export type Listener<D> = (data: D, envelope?: Envelope) => void;
