import type { Provider } from '@nestjs/common';
import type { Backplane } from '@holdfast/backplane';
import {
  Authenticator,
  ExpiryWatch,
  HOLDFAST_AUTH_OPTIONS,
  JwtAuthenticator,
  TokenRefresh,
  UnconfiguredAuthenticator,
} from '../auth/index.js';
import { ConnectionRegistry } from '../connection/index.js';
import {
  type ConversationParts,
  Dispatcher,
  EnvelopeAnswers,
  Replier,
  ReservedFrames,
  Turns,
} from '../dispatch/index.js';
import { BoundedLog, type Clock, HOLDFAST_CLOCK, HOLDFAST_RANDOM, type Random, TimerWheel } from '../ground/index.js';
import { HeartbeatService } from '../heartbeat/index.js';
import {
  CONNECTION_LIMITER,
  HOLDFAST_LIMITER,
  type Limiter,
  MemoryLimiter,
  RateLimitInterceptor,
  RateLimits,
} from '../rate-limit/index.js';
import { Counters, Metrics, ReturnWindow, Tracing, Traffic } from '../telemetry/index.js';
import type { ResolvedOptions } from './resolve-options.js';
import { CONVERSATION_PARTS, HOLDFAST_BACKPLANE, HOLDFAST_OPTIONS, OWN_AUTHENTICATOR } from './tokens.js';

/** What is said on connections: messages and their limits, the frames of the protocol, and who it is that says it. */
export const messageProviders: Provider[] = [
  { provide: HOLDFAST_AUTH_OPTIONS, inject: [HOLDFAST_OPTIONS], useFactory: ({ auth }: ResolvedOptions) => auth },
  {
    provide: Authenticator,
    inject: [HOLDFAST_OPTIONS, OWN_AUTHENTICATOR, HOLDFAST_CLOCK],
    useFactory: ({ auth, hasKey }: ResolvedOptions, own: Authenticator | null, clock: Clock) =>
      own ?? (hasKey ? new JwtAuthenticator(auth, clock) : new UnconfiguredAuthenticator()),
  },
  {
    provide: HOLDFAST_LIMITER,
    inject: [HOLDFAST_BACKPLANE, HOLDFAST_CLOCK],
    useFactory: ({ limiter }: Backplane, clock: Clock): Limiter => limiter ?? new MemoryLimiter({ clock }),
  },
  {
    provide: CONNECTION_LIMITER,
    inject: [HOLDFAST_LIMITER, HOLDFAST_BACKPLANE, HOLDFAST_CLOCK],
    useFactory: (limiter: Limiter, backplane: Backplane, clock: Clock): Limiter =>
      limiter === backplane.limiter ? new MemoryLimiter({ clock }) : limiter,
  },
  RateLimits,
  RateLimitInterceptor,
  { provide: ReservedFrames, useFactory: () => new ReservedFrames() },
  { provide: Turns, inject: [HOLDFAST_CLOCK], useFactory: (clock: Clock) => new Turns(clock) },
  {
    provide: Replier,
    inject: [HOLDFAST_OPTIONS, Counters, Metrics, Tracing, BoundedLog, HOLDFAST_CLOCK],
    useFactory: (
      { messages }: ResolvedOptions,
      counters: Counters,
      metrics: Metrics,
      tracing: Tracing,
      log: BoundedLog,
      clock: Clock,
    ) => new Replier({ counters, metrics, tracing, log, clock, maxStreams: messages.maxStreams }),
  },
  {
    provide: Dispatcher,
    inject: [Replier, RateLimits, Tracing, TimerWheel, HOLDFAST_CLOCK, Metrics],
    useFactory: (
      replier: Replier,
      rateLimits: RateLimits,
      tracing: Tracing,
      wheel: TimerWheel,
      clock: Clock,
      metrics: Metrics,
    ) => new Dispatcher({ replier, rateLimits, tracing, wheel, clock, metrics }),
  },
  {
    provide: CONVERSATION_PARTS,
    inject: [HOLDFAST_OPTIONS, Dispatcher, ReservedFrames, Turns, TimerWheel, Counters, Traffic, BoundedLog],
    useFactory: (
      { messages, decodeLimits }: ResolvedOptions,
      dispatcher: Dispatcher,
      reservedFrames: ReservedFrames,
      turns: Turns,
      wheel: TimerWheel,
      counters: Counters,
      traffic: Traffic,
      log: BoundedLog,
    ): ConversationParts => ({
      ...{ dispatcher, reservedFrames, turns, wheel, counters, traffic, decodeLimits, log },
      limits: messages,
      answers: new EnvelopeAnswers(decodeLimits.maxEventLength),
    }),
  },
  {
    provide: ExpiryWatch,
    inject: [HOLDFAST_OPTIONS, HOLDFAST_CLOCK],
    useFactory: ({ auth }: ResolvedOptions, clock: Clock) => new ExpiryWatch(auth, clock),
  },
  {
    provide: TokenRefresh,
    inject: [HOLDFAST_OPTIONS, Authenticator, Counters, BoundedLog, HOLDFAST_CLOCK, TimerWheel],
    useFactory: (
      { admission }: ResolvedOptions,
      authenticator: Authenticator,
      counters: Counters,
      log: BoundedLog,
      clock: Clock,
      wheel: TimerWheel,
    ) => {
      const timeoutMs = admission.handshakeTimeoutMs;
      return new TokenRefresh({ authenticator, counters, log, clock, wheel, timeoutMs });
    },
  },
  {
    provide: HeartbeatService,
    inject: [
      ...[HOLDFAST_OPTIONS, HOLDFAST_CLOCK, TimerWheel, HOLDFAST_RANDOM],
      ...[Counters, Metrics, ReturnWindow, ConnectionRegistry],
    ],
    useFactory: (
      { heartbeat }: ResolvedOptions,
      clock: Clock,
      wheel: TimerWheel,
      random: Random,
      counters: Counters,
      metrics: Metrics,
      returnWindow: ReturnWindow,
      registry: ConnectionRegistry,
    ) =>
      new HeartbeatService({
        ...{ settings: heartbeat, clock, wheel, random, counters, metrics },
        returnWindowMs: () => returnWindow.widthFor(registry.size),
      }),
  },
];
