import type { Provider } from '@nestjs/common';
import {
  AdmissionService,
  ArrivalFactory,
  ConnectionLimits,
  HandshakeTurns,
  createAddressResolver,
  createOriginPolicy,
  PrincipalLimit,
  ReadinessService,
  UpgradeChecks,
  WsServers,
} from '../admission/index.js';
import { ConnectionIndex, ConnectionRegistry, type LinkParts, Verifications } from '../connection/index.js';
import type { Route } from '../gateways/index.js';
import { BoundedLog, type Clock, HOLDFAST_CLOCK, TimerWheel } from '../ground/index.js';
import { UnfinishedBytes } from '../intake/index.js';
import { LinkObservers, Reception } from '../lifecycle/index.js';
import { MemoryLimiter } from '../rate-limit/index.js';
import { RoomMemberships } from '../rooms/index.js';
import { Counters, ReturnWindow, Tracing, TrafficMeter } from '../telemetry/index.js';
import type { ResolvedOptions } from './resolve-options.js';
import { HOLDFAST_OPTIONS, LINK_PARTS } from './tokens.js';

/** Connections, and who is admitted to be one. */
export const connectionProviders: Provider[] = [
  Verifications,
  ConnectionIndex,
  {
    provide: ConnectionRegistry,
    inject: [ConnectionIndex],
    useFactory: (index: ConnectionIndex) => new ConnectionRegistry(index),
  },
  { provide: LinkObservers, inject: [BoundedLog], useFactory: (log: BoundedLog) => new LinkObservers(log) },
  {
    provide: LINK_PARTS,
    inject: [
      ...[HOLDFAST_OPTIONS, LinkObservers, RoomMemberships, TrafficMeter],
      ...[TimerWheel, BoundedLog, UnfinishedBytes, HOLDFAST_CLOCK],
    ],
    useFactory: (
      { messages, outbox, lifecycle }: ResolvedOptions,
      observers: LinkObservers,
      rooms: RoomMemberships,
      meter: TrafficMeter,
      wheel: TimerWheel,
      log: BoundedLog,
      unfinished: UnfinishedBytes,
      clock: Clock,
    ): LinkParts => ({
      observers,
      rooms,
      meter,
      wheel,
      log,
      intake: { unfinished, bytesPerSecond: messages.bytesPerSecond, clock },
      outboxLimits: outbox,
      closeTimeoutMs: lifecycle.closeTimeoutMs,
    }),
  },
  ReadinessService,
  PrincipalLimit,
  {
    provide: ConnectionLimits,
    inject: [HOLDFAST_OPTIONS],
    useFactory: ({ admission }: ResolvedOptions) => new ConnectionLimits(admission),
  },
  {
    provide: UpgradeChecks,
    inject: [HOLDFAST_OPTIONS, ConnectionLimits, HOLDFAST_CLOCK],
    useFactory: ({ admission }: ResolvedOptions, limits: ConnectionLimits, clock: Clock) =>
      new UpgradeChecks({
        limits,
        limiter: new MemoryLimiter({ clock }),
        originsAllowed: String(admission.origins),
        originPolicy: createOriginPolicy({ allowed: admission.origins, allowMissing: admission.allowMissingOrigin }),
        resolveAddress: createAddressResolver(admission.trustedProxies),
        handshakeRate: admission.handshakeRate,
      }),
  },
  {
    provide: ArrivalFactory,
    inject: [LINK_PARTS, HOLDFAST_CLOCK, HOLDFAST_OPTIONS],
    useFactory: (linkParts: LinkParts, clock: Clock, { auth }: ResolvedOptions) =>
      new ArrivalFactory({ linkParts, clock, tokenPlaces: auth }),
  },
  {
    provide: WsServers,
    inject: [HOLDFAST_OPTIONS],
    useFactory: ({ lifecycle }: ResolvedOptions) => new WsServers(lifecycle.closeTimeoutMs),
  },
  {
    provide: AdmissionService,
    inject: [
      ...[HOLDFAST_OPTIONS, UpgradeChecks, ArrivalFactory, WsServers, Reception, ReadinessService],
      ...[Counters, Tracing, ReturnWindow, BoundedLog, TimerWheel, HOLDFAST_CLOCK],
    ],
    useFactory: (
      { admission }: ResolvedOptions,
      checks: UpgradeChecks,
      arrivals: ArrivalFactory,
      servers: WsServers,
      reception: Reception,
      readiness: ReadinessService,
      counters: Counters,
      tracing: Tracing,
      returnWindow: ReturnWindow,
      log: BoundedLog,
      wheel: TimerWheel,
      clock: Clock,
    ) =>
      new AdmissionService<Route>({
        ...{ checks, arrivals, servers, reception, readiness, counters, tracing, log, wheel },
        turns: new HandshakeTurns({
          clock,
          perSecond: () => returnWindow.perSecond,
          maxWaitMs: admission.maxHandshakeWaitMs,
        }),
        handshakeTimeoutMs: admission.handshakeTimeoutMs,
      }),
  },
];
