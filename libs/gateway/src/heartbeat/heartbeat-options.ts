import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { IsLimit } from '../ground/index.js';

/**
 * How connections are found whose peer is gone.
 *
 * @publicApi
 */
export class HeartbeatOptions {
  /**
   * Milliseconds between beats. Default 25,000: the shortest idle limits in the wild are 30 s (home routers), and a
   * beat has to be under them. 0 or Infinity: no heartbeat at all.
   */
  @IsOptional()
  @IsLimit(0)
  intervalMs?: number;

  /**
   * Consecutive beats without a byte from the peer after which it is cut. Default 2: one may be lost to a tunnel or a
   * handover.
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  missedBeats?: number;
}
