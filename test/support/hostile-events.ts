/** What handlers of the server under attack are doing. */
export interface Load {
  handled: number;
  inFlight: number;
  /** The most at once since somebody asked. */
  maxInFlight: number;
}

/** A broadcast of so many bytes again and again. */
export interface Flood {
  readonly bytes: number;
  readonly everyMs: number;
  readonly forMs: number;
}
