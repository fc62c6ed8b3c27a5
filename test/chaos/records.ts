/** Milliseconds since the Unix epoch, of one machine. */
type Time = number;

/** What a publisher was told of one publication. */
export interface Published {
  readonly type: 'published';
  readonly at: Time;
  readonly room: string;
  readonly id: string;
  /** `acked`: stored at that place. `none`: refused, and never to be seen. `unknown`: it may have been stored. */
  readonly outcome: 'acked' | 'none' | 'unknown';
  readonly epoch?: string;
  readonly offset?: number;
}

/** What one client was told by one room. */
export interface Told {
  readonly type: 'told';
  readonly at: Time;
  readonly client: string;
  readonly room: string;
  /**
   * `base`: it follows the room from there. `said`: a publication. `gap`: something is missing before that place.
   * `undone`: the last ones were lost. `skipped`: some were dropped.
   */
  readonly what: 'base' | 'said' | 'gap' | 'undone' | 'skipped';
  readonly epoch?: string;
  readonly offset?: number;
  readonly id?: string;
  readonly reason?: string;
  readonly count?: number;
}

/** A room of a client was not `joined` for a while. */
interface Away {
  readonly type: 'away';
  readonly at: Time;
  readonly until: Time;
  readonly client: string;
  readonly room: string;
}

/** A node was told by the engine that it has made this change to a session. */
interface Owned {
  readonly type: 'owned';
  readonly node: string;
  readonly session: string;
  readonly fence: number;
}

export interface Fault {
  readonly type: 'fault';
  readonly kind: string;
  readonly at: Time;
  /** When what was broken was whole again. */
  readonly until: Time;
  /** Whether Redis has lost data. */
  readonly losesData: boolean;
}

/** The log of a room when all was over. */
export interface FinalLog {
  readonly type: 'log';
  readonly room: string;
  readonly epoch: string;
  readonly items: readonly { readonly offset: number; readonly id: string }[];
  /** Members, over all nodes. */
  readonly members: number;
}

/** What a node says of its drain. */
interface Drained {
  readonly type: 'drained';
  readonly connections: number;
  readonly moved: number;
  readonly closed: number;
  readonly cut: number;
  readonly durationMs: number;
}

export type ChaosRecord = Published | Told | Away | Owned | Fault | FinalLog | Drained;
