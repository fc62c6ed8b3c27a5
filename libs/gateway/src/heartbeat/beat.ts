import type { Link } from '../connection/index.js';
import { WheelTask } from '../ground/index.js';

/** The heartbeat of one connection. */
export class Beat extends WheelTask {
  missed = 0;
  /** Number of the last beat; its answer carries it. 0 before the first. */
  count = 0;
  /** Monotonic time of the last beat; undefined once it was answered, so that a repeated answer measures nothing. */
  sentAt: number | undefined;
  /** How long our event loop had stood still in all when the last beat was sent. */
  stalledMs = 0;
  bytesSeen = 0;
  bytesTaken = 0;
  /** The socket was not read from, for no fault of the peer's, when the last beat was sent. */
  wasPaused = false;

  constructor(
    readonly link: Link,
    private readonly heartbeat: { due(beat: Beat): void },
  ) {
    super();
  }

  override onDue(): void {
    this.heartbeat.due(this);
  }
}
