import { IsIn, IsInt, IsOptional, Min } from 'class-validator';
import type { OverflowPolicy } from './outbox.js';

/**
 * What may wait for a client that does not keep up.
 *
 * @publicApi
 */
export class OutboxOptions {
  /** Bytes that wait for one client above which it counts as congested. Default 1,048,576 (1 MiB). */
  @IsOptional()
  @IsInt()
  @Min(1024)
  highWaterBytes?: number;

  /** Bytes at which it does no longer. Default 262,144 (256 KiB). Must be below `highWaterBytes`. */
  @IsOptional()
  @IsInt()
  @Min(0)
  lowWaterBytes?: number;

  /**
   * What becomes of an event for a congested client: `close` it with 4508 (default: it reconnects and starts anew),
   * `refuse` it (`emit` returns false), or `drop` and count it. Answers to requests are never dropped; a client that
   * does not read those is not served any further, and closed at twice `highWaterBytes`.
   */
  @IsOptional()
  @IsIn(['close', 'refuse', 'drop'])
  overflow?: OverflowPolicy;
}
