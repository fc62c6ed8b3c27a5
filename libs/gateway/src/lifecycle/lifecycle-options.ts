import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { max32 } from '../ground/index.js';

/**
 * How connections begin and end.
 *
 * @publicApi
 */
export class LifecycleOptions {
  /** Milliseconds all `handleConnection` hooks together may take. Default 10,000. Then: close 4505. */
  @IsOptional()
  @IsInt()
  @Min(1)
  connectTimeoutMs?: number;

  /** Milliseconds an SDK client has for its `$hello`. Default 10,000. Then: close 4408. */
  @IsOptional()
  @IsInt()
  @Min(1)
  helloTimeoutMs?: number;

  /** Milliseconds a peer has to answer our close frame before its socket is cut. Default 5,000. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(max32)
  closeTimeoutMs?: number;

  /**
   * Milliseconds over which a shutdown spreads its close frames when there are many connections (a hundred at once),
   * and over which SDK clients are asked to spread their return. Default 5,000. 0: everybody at once.
   */
  @IsOptional()
  @IsInt()
  @Min(0)
  drainWindowMs?: number;

  /**
   * Milliseconds a shutdown may take to close all connections. `onDrain` hooks have a quarter of it at most; after
   * three quarters, connections that are left are cut, handlers in flight or not; the rest is for disconnect hooks, and
   * for handlers that clean up when their `signal` aborts. Default 10,000. 0: everybody is cut at once.
   */
  @IsOptional()
  @IsInt()
  @Min(0)
  drainTimeoutMs?: number;
}
