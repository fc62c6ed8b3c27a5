import type { RoomPosition } from './room-state.js';

/**
 * A room of a {@link ClientSession}: what the client had of it, and who had joined it.
 *
 * @publicApi
 */
export interface StoredRoom extends RoomPosition {
  readonly isOfServer: boolean;
}

/**
 * What a client has to know to go on where another one has stopped. It can be stored as JSON. It must not be used by
 * two clients at once: the server closes the first of them with 4409.
 *
 * @publicApi
 */
export interface ClientSession {
  /** Secret: whoever presents it, and is the same principal, is the same client. */
  readonly id: string;
  /** By name; of those with history. */
  readonly rooms: Readonly<Record<string, StoredRoom>>;
}

/**
 * Where a session is kept while a page reloads.
 *
 * @publicApi
 */
export interface SessionStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Takes what another page of this tab has stored: it is there for one page alone. */
export function takeStored(storage: SessionStorage, key: string): ClientSession | undefined {
  const text = storage.getItem(key);
  storage.removeItem(key);
  try {
    // Safe: nobody else writes there; null where there is nothing.
    return (JSON.parse(text ?? 'null') as ClientSession | null) ?? undefined;
  } catch {
    return undefined;
  }
}
