import type { Envelope } from '@holdfast/protocol';
import type { ClientPorts } from './ports.js';
import type { ReservedName } from './reserved-name.js';

/** What a client gives to its rooms. */
export interface RoomsOwner {
  readonly ports: Readonly<ClientPorts>;
  /** Whether there is a connection. */
  readonly isOpen: boolean;
  /** Sends a request of the protocol. Rejects with a HoldfastError, see `HoldfastClient.request`. */
  request(event: ReservedName, data: object): Promise<unknown>;
}

/** The rooms of one client, as the client sees them. */
export interface RoomsPart {
  /** Members of the client itself, see `RoomsApi`. */
  readonly api: object;
  /** A frame of the server. @returns whether it belongs to a room, and to nobody else. */
  receive(envelope: Envelope): boolean;
  /** There is a connection. */
  welcomed(): void;
  /** There is none any more. */
  lost(): void;
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
