/** @publicApi */
export interface NodeBeat {
  /** Whether this node was known until now: not at first, not after its lease, nor when the engine has lost it. */
  readonly wasKnown: boolean;
  /** The names of all nodes whose lease lasts, this one included. */
  readonly nodes: readonly string[];
}

/**
 * Knows which nodes live. A node MUST be in the answers from its first beat on until its lease ends, by the time of the
 * engine, or until it has closed, where the engine could be reached for that.
 *
 * @publicApi
 */
export interface NodeRegistry {
  /**
   * Says that this node lives.
   *
   * @param leaseMs - for how long, from now on
   * @throws BackplaneError
   */
  beat(leaseMs: number): Promise<NodeBeat>;
}
