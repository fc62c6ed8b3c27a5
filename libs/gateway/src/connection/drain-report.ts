/**
 * What became of everybody at a shutdown.
 *
 * @publicApi
 */
export interface DrainReport {
  /** Connections there were when it began. */
  readonly connections: number;
  /** Those whose clients have said that they go on with a connection to another node. */
  readonly moved: number;
  /** Of the others: those whose closing handshake was completed in time, or had been begun by the client. */
  readonly closed: number;
  /** All others: they were cut, or had vanished. */
  readonly cut: number;
  /** Messages that had arrived and were handled to their end. */
  readonly handlersFinished: number;
  /** Messages that were not, because time was up or their connection ended before. Their requests have no answer. */
  readonly handlersCut: number;
  /** Disconnect hooks that were still at work when time was up. */
  readonly hooksUnfinished: number;
  readonly durationMs: number;
}
