import type { Envelope, SessionData } from '@holdfast/protocol';
import type { ClientPorts } from './ports.js';
import type { ReservedName } from './reserved-name.js';

/** What a client gives to its rooms. */
export interface RoomsOwner {
  readonly ports: Readonly<ClientPorts>;
  readonly url: string;
  /** Whether there is a connection. */
  readonly isOpen: boolean;
  /** Sends a request of the protocol. Rejects with a HoldfastError, see `HoldfastClient.request`. */
  request(event: ReservedName, data: object): Promise<unknown>;
}

/** The rooms of one client, as the client sees them. */
export interface RoomsPart {
  /** Members of the client itself, see `RoomsApi`. */
  readonly api: object;
  /** What else `$hello` says. */
  hello(): object;
  /**
   * A frame of the server.
   *
   * @param isRetired - it comes on a connection whose place another one has taken.
   * @returns whether it belongs to a room, and to nobody else.
   */
  receive(envelope: Envelope, isRetired: boolean): boolean;
  /**
   * There is a connection.
   *
   * @param session - undefined: the server answers nothing of what `$hello` said.
   * @param settled - called once the server has said of each room where it goes on.
   */
  welcomed(session: SessionData | undefined, settled: () => void): void;
  /** There is none any more. @param code - of its close. */
  lost(code: number | undefined): void;
}

/**
 * Made by `rooms()` of `@holdfast/client/rooms`, for the option `rooms` of `createClient`.
 *
 * @publicApi
 */
export interface RoomsModule {
  /** @internal */
  attach(owner: RoomsOwner): RoomsPart;
}
