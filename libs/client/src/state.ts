import { HoldfastError } from './errors.js';

/**
 * - `idle`: `connect()` was not called yet;
 * - `connecting`: gets a token, opens a socket, sends `$hello`;
 * - `open`: the server has sent `$welcome`;
 * - `waiting`: for the next attempt;
 * - `closed`: by `close()`, or by the server with a code that is no error;
 * - `failed`: does not reconnect by itself. After too many attempts it does when the network is back or the page is
 *   shown.
 *
 * @publicApi
 */
export type ConnectionState = 'idle' | 'connecting' | 'open' | 'waiting' | 'closed' | 'failed';

/**
 * Why the state changed.
 *
 * - `connect`, `close`: the application called `connect()` or `close()`;
 * - `welcome`: the server sent `$welcome`;
 * - `handover`: the server is shutting down, and another connection has taken the place of the one to it: from `open`
 *   to `open`;
 * - `retry`: the wait is over; `online`: the network is back; `wake`: the page is shown, or the machine woke up;
 *   `offline`: still no network;
 * - `server`: the server closed, with a code; `network`: the connection broke, or the handshake was refused;
 * - `timeout`: no `$welcome` in time; `silence`: no byte from the server for too long;
 * - `token`: the token provider failed; `protocol`: the server does not speak this protocol;
 * - `attempts`: too many failed attempts in a row.
 *
 * @publicApi
 */
export type Cause =
  | 'connect'
  | 'close'
  | 'welcome'
  | 'handover'
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
   * The close code, where a connection or attempt ended with one (PROTOCOL.md 13). 1006: it broke, or the handshake was
   * refused.
   */
  readonly code?: number;
  /** The close reason of the server, or what the platform says of a broken connection. For logs. */
  readonly reason?: string;
  /**
   * What the server sent before it closed, what the token provider threw, or with `ws`, the body with which a gateway
   * refused the handshake.
   */
  readonly error?: HoldfastError;
  /** To `waiting`: when the next attempt begins, in milliseconds since the Unix epoch. */
  readonly nextAttemptAt?: number;
  /** Attempts to reconnect in a row so far; 0 while a connection is stable. */
  readonly attempts: number;
}

export function isFinal(state: ConnectionState): boolean {
  return state === 'closed' || state === 'failed';
}

/** What becomes of requests when a connection is lost (PROTOCOL.md 4.9), or the client ends. */
export function lossBy({ to, cause, code, reason, error }: Omit<StateChange, 'from' | 'attempts'>): HoldfastError {
  const message = `The client is ${to}: ${cause} ${code ?? ''} ${reason ?? ''}`.trimEnd();
  return new HoldfastError(isFinal(to) ? 'CLOSED' : 'CONNECTION_LOST', message, { cause: error });
}
