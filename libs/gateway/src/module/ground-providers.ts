import type { Provider } from '@nestjs/common';
import {
  BoundedLog,
  type Clock,
  HOLDFAST_CLOCK,
  HOLDFAST_RANDOM,
  PendingWork,
  systemClock,
  systemRandom,
  TimerWheel,
} from '../ground/index.js';
import { UnfinishedBytes } from '../intake/index.js';
import { ConnectionRegistry } from '../connection/index.js';
import {
  Census,
  Counters,
  Metrics,
  ReturnWindow,
  Tracing,
  TracingInterceptor,
  Traffic,
  TrafficMeter,
} from '../telemetry/index.js';
import type { ResolvedOptions } from './resolve-options.js';
import { DISCONNECT_HOOKS, HOLDFAST_OPTIONS } from './tokens.js';

/** Time, randomness, and what is counted, measured and logged. */
export const groundProviders: Provider[] = [
  { provide: HOLDFAST_CLOCK, useValue: systemClock },
  { provide: HOLDFAST_RANDOM, useValue: systemRandom },
  { provide: DISCONNECT_HOOKS, useFactory: () => new PendingWork() },
  { provide: BoundedLog, inject: [HOLDFAST_CLOCK], useFactory: (clock: Clock) => new BoundedLog('Holdfast', clock) },
  { provide: TimerWheel, inject: [HOLDFAST_CLOCK, BoundedLog], useFactory: createWheel },
  { provide: UnfinishedBytes, inject: [HOLDFAST_OPTIONS, Counters, BoundedLog], useFactory: createUnfinishedBytes },
  {
    provide: Metrics,
    inject: [Counters, Census, Traffic, ConnectionRegistry, UnfinishedBytes],
    useFactory: (
      counters: Counters,
      census: Census,
      traffic: Traffic,
      registry: ConnectionRegistry,
      unfinished: UnfinishedBytes,
    ) => new Metrics({ counters, census, traffic, registry, unfinished }),
  },
  {
    provide: TrafficMeter,
    inject: [Traffic, Counters, BoundedLog],
    useFactory: (traffic: Traffic, counters: Counters, log: BoundedLog) => new TrafficMeter(traffic, counters, log),
  },
  { provide: ReturnWindow, inject: [HOLDFAST_CLOCK], useFactory: (clock: Clock) => new ReturnWindow(clock) },
  { provide: Traffic, useFactory: () => new Traffic() },
  Census,
  Counters,
  Tracing,
  TracingInterceptor,
];

function createWheel(clock: Clock, log: BoundedLog): TimerWheel {
  return new TimerWheel(clock, {
    onStall: (stallMs) => {
      log.warn(
        'stall',
        () =>
          `The event loop stood still for ${Math.round(stallMs)} ms; deadlines of connections were moved by as much`,
      );
    },
    onTaskError: (error) => {
      log.error('deadline', 'A deadline could not be handled', error);
    },
  });
}

function createUnfinishedBytes({ messages }: ResolvedOptions, counters: Counters, log: BoundedLog): UnfinishedBytes {
  return new UnfinishedBytes(messages.unfinishedBytes, (bytes, limit) => {
    counters.add('shed', 'unfinishedBytes');
    log.warn(
      'shed',
      () =>
        `Messages that have not arrived whole hold more than messages.unfinishedBytes (${limit}): ` +
        `the connection that holds most, ${bytes} bytes, is closed`,
    );
  });
}
