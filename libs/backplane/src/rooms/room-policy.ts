import type { History } from '../contract/history.js';

/**
 * What a room promises its members. One object serves all rooms of a pattern.
 *
 * @publicApi
 */
export interface RoomPolicy {
  readonly history: History;
  /**
   * What a member gets that did not read fast enough, once it reads again. `catch-up`: everything it missed, from the log.
   * `skip`: what this node still has of it; the rest is left out, and the member is told how much.
   */
  readonly slow: 'catch-up' | 'skip';
  /**
   * Publications that a member which presents a position is given at most. One that missed more is told `too-many` and goes
   * on from the top. 0: none. Infinity: whatever the log still has.
   */
  readonly maxRecovered: number;
}
