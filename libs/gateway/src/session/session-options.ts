import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { max32 } from '../ground/index.js';

/**
 * What is remembered of clients after their connection.
 *
 * @publicApi
 */
export class SessionOptions {
  /**
   * Milliseconds after the end of its connection in which a client can come back to the rooms that the application has
   * joined it to. Default 120,000 (2 minutes). 0: there are no sessions.
   */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(max32)
  resumableMs?: number;
}
