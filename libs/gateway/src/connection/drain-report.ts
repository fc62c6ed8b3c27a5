/**
 * What became of everybody at a shutdown.
 *
 * @publicApi
 */
export interface DrainReport {
  /** Connections there were when it began. */
  readonly connections: number;
  /** Those whose closing handshake was completed in time, or had been begun by the client. */
  readonly closed: number;
  /** Those that did not: they were cut, or had vanished. */
  readonly cut: number;
  /** Messages that had arrived and were handled to their end. */
  readonly handlersFinished: number;
  /** Messages that were not, because time was up or their connection ended before. Their requests have no answer. */
  readonly handlersCut: number;
  /** Disconnect hooks that were still at work when time was up. */
  readonly hooksUnfinished: number;
  readonly durationMs: number;
}
