import type { History } from '../contract/history.js';

/**
 * The policy of a room. One object can serve many rooms.
 *
 * @publicApi
 */
export interface RoomPolicy {
  readonly history: History;
  /**
   * What a slow member gets after it has resumed. `catch-up`: everything that it missed, from the log. `skip`: what is
   * still in the ring of this node; the member is told how many publications it has skipped. Only for rooms of kind
   * `log`.
   */
  readonly slow: 'catch-up' | 'skip';
  /**
   * How many missed publications a member gets at most when it resumes from a position. If it missed more, it is told
   * `too-many` and continues at the top. 0: it never gets any. Infinity: everything that is still in the log.
   */
  readonly maxRecovered: number;
  /**
   * Milliseconds for which a publish waits for an engine that is away, before it rejects. Default 0: it rejects at
   * once. Only for rooms with history, and only while nothing of it may have been stored.
   */
  readonly holdMs?: number;
}
