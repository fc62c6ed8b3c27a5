import type { ExpiryWatch } from '../auth/expiry-watch.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import type { Dispatcher } from '../dispatch/dispatcher.js';
import type { Turns } from '../dispatch/turns.js';
import type { HeartbeatService } from '../heartbeat/heartbeat.service.js';
import type { UnfinishedBytes } from '../intake/unfinished-bytes.js';
import type { ResolvedOptions } from '../module/resolve-options.js';
import type { Clock } from '../ground/clock.js';
import type { TimerWheel } from '../ground/timer-wheel.js';
import type { BoundedLog } from '../ground/bounded-log.js';
import type { RateLimits } from '../rate-limit/rate-limits.js';
import type { Census } from '../telemetry/census.js';
import type { Counters } from '../telemetry/counters.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Traffic } from '../telemetry/traffic.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { PendingWork } from '../ground/pending-work.js';
import type { Connector } from './connector.js';

/** The services a session calls on. One object for all sessions, so that a session costs one reference. */
export interface GatewayServices {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly log: BoundedLog;
  readonly counters: Counters;
  readonly census: Census;
  readonly traffic: Traffic;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly rateLimits: RateLimits;
  readonly unfinished: UnfinishedBytes;
  readonly registry: ConnectionRegistry;
  readonly heartbeat: HeartbeatService;
  readonly expiry: ExpiryWatch;
  readonly dispatcher: Dispatcher;
  readonly turns: Turns;
  readonly connector: Connector;
  /** Disconnect hooks still at work; a shutdown waits for them. */
  readonly goodbyes: PendingWork;
}
