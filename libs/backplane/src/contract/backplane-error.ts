/**
 * The operation of an engine that failed.
 *
 * @publicApi
 */
export type BackplaneStage = 'connect' | 'publish' | 'read' | 'watch' | 'send' | 'session' | 'limit' | 'node';

/**
 * Why an operation failed:
 *
 * - `AWAY`: the engine cannot be reached, or this node has closed;
 * - `TIMEOUT`: no reply within `deadlineMs`;
 * - `FULL`: a limit in bytes or in number is reached;
 * - `READ_ONLY`: the engine takes no writes at present;
 * - `MOVING`: the data is being moved to another server;
 * - `MISCONFIGURED`: a setting of the engine breaks a promise of the contract;
 * - `FENCED`: another connection owns the session, or the session has ended;
 * - `REFUSED`: the call is invalid, for example a session id that exists already;
 * - `NONSENSE`: the engine sent a reply that makes no sense.
 *
 * @publicApi
 */
export type BackplaneErrorCode =
  'AWAY' | 'TIMEOUT' | 'FULL' | 'READ_ONLY' | 'MOVING' | 'MISCONFIGURED' | 'FENCED' | 'REFUSED' | 'NONSENSE';

/**
 * Every rejection of an engine is one of these.
 *
 * @publicApi
 */
export class BackplaneError extends Error {
  override readonly name = 'BackplaneError';

  /**
   * @param outcome - `none`: nothing was or will be stored or delivered. `unknown`: it may have been.
   */
  constructor(
    readonly stage: BackplaneStage,
    readonly code: BackplaneErrorCode,
    readonly outcome: 'none' | 'unknown',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Wraps any other rejection of an engine, which breaks its contract: the outcome of the call is unknown then. */
export function asBackplaneError(error: unknown, stage: BackplaneStage): BackplaneError {
  if (error instanceof BackplaneError) return error;
  return new BackplaneError(stage, 'NONSENSE', 'unknown', `The engine failed to ${stage}: ${String(error)}`, {
    cause: error,
  });
}
