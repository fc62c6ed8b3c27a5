import { HoldfastError } from './errors.js';

/**
 * - `idle`: not asked to connect yet;
 * - `connecting`: getting a token, opening a socket, saying hello;
 * - `open`: welcomed by the server;
 * - `waiting`: for the next attempt;
 * - `closed`: ended in good order, by `close()` or by the server;
 * - `failed`: it must not or cannot go on by itself.
 *
 * @publicApi
 */
export type ConnectionState = 'idle' | 'connecting' | 'open' | 'waiting' | 'closed' | 'failed';

/**
 * Why the state changed.
 *
 * - `connect`, `close`: the application called;
 * - `welcome`: the server did;
 * - `retry`: the wait was over; `online`: the network is back; `wake`: the page or machine is; `offline`: still no
 *   network;
 * - `server`: it closed, with a code; `network`: the connection broke or was refused without a close code;
 * - `timeout`: no welcome in time; `silence`: not one byte for too long;
 * - `token`: the token provider failed; `protocol`: the server does not speak this protocol;
 * - `attempts`: too many in a row.
 *
 * @publicApi
 */
export type Cause =
  | 'connect'
  | 'close'
  | 'welcome'
  | 'retry'
  | 'online'
  | 'wake'
  | 'offline'
  | 'server'
  | 'network'
  | 'timeout'
  | 'silence'
  | 'token'
  | 'protocol'
  | 'attempts';

/**
 * One change of state.
 *
 * @publicApi
 */
export interface StateChange {
  readonly from: ConnectionState;
  readonly to: ConnectionState;
  readonly cause: Cause;
  /**
   * The close code, where a connection or attempt ended with one (PROTOCOL.md 13). 1006: it broke, or was refused
   * unseen.
   */
  readonly code?: number;
  /** The close reason of the server, or what the platform says of a broken connection. For logs. */
  readonly reason?: string;
  /** What the server said before it closed, or what the token provider threw. */
  readonly error?: HoldfastError;
  /** To `waiting`: when the next attempt begins, in milliseconds since the Unix epoch. */
  readonly nextAttemptAt?: number;
  /** Attempts to come back in a row so far; 0 while a connection is stable. */
  readonly attempts: number;
}

export function isFinal(state: ConnectionState): boolean {
  return state === 'closed' || state === 'failed';
}

/** What becomes of requests when a connection is lost (PROTOCOL.md 4.9), or the client ends. */
export function lossBy({ to, cause, code, reason, error }: StateChange): HoldfastError {
  const message = `The client is ${to}: ${cause} ${code ?? ''} ${reason ?? ''}`.trimEnd();
  return new HoldfastError(isFinal(to) ? 'CLOSED' : 'CONNECTION_LOST', message, { cause: error });
}
