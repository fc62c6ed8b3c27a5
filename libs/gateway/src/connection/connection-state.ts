import type { DisconnectCause } from './disconnect-cause.js';

/**
 * The life of a connection:
 *
 *     admitting ──▶ open ──▶ draining ──▶ closed
 *         │           │                     ▲
 *         └───────────┴─────────────────────┘
 *
 * `admitting`: guards and connection hooks run, messages wait. `open`: messages are handled.
 * `draining`: a close frame is on its way, no new message is handled. `closed`: the connection has ended.
 *
 * @publicApi
 */
export type ConnectionState = 'admitting' | 'open' | 'draining' | 'closed';

/**
 * One step in the life of a connection.
 *
 * @publicApi
 */
export interface StateChange {
  readonly from: ConnectionState;
  readonly to: ConnectionState;
  /** Present from `draining` on. */
  readonly cause: DisconnectCause | undefined;
}

const order: Record<ConnectionState, number> = { admitting: 0, open: 1, draining: 2, closed: 3 };

/** A connection only ever moves forward; a late event must not bring it back to life. */
export function mayChange(from: ConnectionState, to: ConnectionState): boolean {
  return order[to] > order[from];
}
