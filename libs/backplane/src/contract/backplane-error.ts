/** What an engine was asked for when it failed. @publicApi */
export type BackplaneStage = 'connect' | 'publish' | 'read' | 'watch' | 'send' | 'session';

/**
 * Why an engine failed:
 *
 * - `AWAY`: it cannot be reached, or this node has closed;
 * - `TIMEOUT`: no answer within `deadlineMs`;
 * - `FULL`: a limit of the engine, in bytes or in number;
 * - `READ_ONLY`: it takes no writes at present;
 * - `MOVING`: the data moves between servers of the engine;
 * - `MISCONFIGURED`: a setting of the engine breaks a promise;
 * - `FENCED`: somebody else owns the session now;
 * - `REFUSED`: the call itself is wrong, such as a session id that is taken;
 * - `NONSENSE`: an answer that is none.
 *
 * @publicApi
 */
export type BackplaneErrorCode =
  'AWAY' | 'TIMEOUT' | 'FULL' | 'READ_ONLY' | 'MOVING' | 'MISCONFIGURED' | 'FENCED' | 'REFUSED' | 'NONSENSE';

/**
 * The only rejection of an engine.
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

/** What an engine rejected with; anything but a BackplaneError breaks the contract and is wrapped, so that it is seen. */
export function asBackplaneError(error: unknown, stage: BackplaneStage): BackplaneError {
  if (error instanceof BackplaneError) return error;
  return new BackplaneError(stage, 'NONSENSE', 'unknown', `The engine failed to ${stage}: ${String(error)}`, {
    cause: error,
  });
}
