import type { Provider } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { AdmissionService, ReadinessService } from '../admission/index.js';
import type { Authenticator } from '../auth/index.js';
import { ConnectionIndex, ConnectionRegistry } from '../connection/index.js';
import type { ConversationParts } from '../dispatch/index.js';
import { DrainService } from '../drain/index.js';
import { DirectCompiler } from '../direct/index.js';
import { jsonParser, type MessageParser } from '../format/index.js';
import { Formats, GatewayExplorer, GatewayGuards, NestBindings, type Route, RouteTable } from '../gateways/index.js';
import {
  BoundedLog,
  type Clock,
  HOLDFAST_CLOCK,
  HOLDFAST_RANDOM,
  type PendingWork,
  type Random,
  TimerWheel,
} from '../ground/index.js';
import { announcementOf } from '../heartbeat/index.js';
import { UnfinishedBytes } from '../intake/index.js';
import { Closing, Handovers, HelloFrames, Reception } from '../lifecycle/index.js';
import { NodeHeartbeat } from '../nodes/index.js';
import { Sessions } from '../session/index.js';
import { Counters, Metrics, ReturnWindow, Tracing, Traffic } from '../telemetry/index.js';
import { Features } from './features.js';
import { HoldfastAdapter } from './holdfast.adapter.js';
import { HoldfastRuntime } from './holdfast.runtime.js';
import type { ResolvedOptions } from './resolve-options.js';
import { CONVERSATION_PARTS, DISCONNECT_HOOKS, HOLDFAST_OPTIONS, OWN_AUTHENTICATOR } from './tokens.js';

/** Gateways, and how connections to them begin and end. */
export const lifecycleProviders: Provider[] = [
  {
    provide: NestBindings,
    inject: [BoundedLog, DISCONNECT_HOOKS],
    useFactory: (log: BoundedLog, disconnectHooks: PendingWork) => new NestBindings({ log, disconnectHooks }),
  },
  { provide: RouteTable, useFactory: () => new RouteTable() },
  DirectCompiler,
  GatewayGuards,
  GatewayExplorer,
  HelloFrames,
  { provide: Handovers, useFactory: () => new Handovers() },
  {
    provide: Reception,
    inject: [
      ...[HOLDFAST_OPTIONS, CONVERSATION_PARTS, NestBindings, HelloFrames, Sessions],
      ...[Counters, Tracing, ReturnWindow, ConnectionRegistry, BoundedLog, TimerWheel],
    ],
    useFactory: (
      { admission, heartbeat, lifecycle }: ResolvedOptions,
      conversations: ConversationParts,
      bindings: NestBindings,
      hello: HelloFrames,
      resumption: Sessions,
      counters: Counters,
      tracing: Tracing,
      returnWindow: ReturnWindow,
      registry: ConnectionRegistry,
      log: BoundedLog,
      wheel: TimerWheel,
    ) =>
      new Reception({
        ...{ conversations, bindings, hello, resumption, counters, tracing, returnWindow, registry, log, wheel },
        headerLimits: admission,
        heartbeat: announcementOf(heartbeat),
        handshakeTimeoutMs: admission.handshakeTimeoutMs,
        connectTimeoutMs: lifecycle.connectTimeoutMs,
        helloTimeoutMs: lifecycle.helloTimeoutMs,
      }),
  },
  {
    provide: Closing,
    inject: [HOLDFAST_OPTIONS, Counters, Tracing, BoundedLog, HOLDFAST_CLOCK, DISCONNECT_HOOKS],
    useFactory: (
      { admission }: ResolvedOptions,
      counters: Counters,
      tracing: Tracing,
      log: BoundedLog,
      clock: Clock,
      disconnectHooks: PendingWork,
    ) => new Closing({ counters, tracing, log, clock, disconnectHooks, headerLimits: admission }),
  },
  {
    provide: DrainService,
    inject: [
      ...[HOLDFAST_OPTIONS, ReadinessService, AdmissionService, RouteTable, ConnectionIndex, Traffic],
      ...[Handovers, NodeHeartbeat],
      ...[BoundedLog, HOLDFAST_CLOCK, HOLDFAST_RANDOM, TimerWheel, DISCONNECT_HOOKS],
    ],
    useFactory: (
      { lifecycle }: ResolvedOptions,
      readiness: ReadinessService,
      admission: AdmissionService,
      routes: RouteTable,
      index: ConnectionIndex,
      traffic: Traffic,
      handovers: Handovers,
      heartbeat: NodeHeartbeat,
      log: BoundedLog,
      clock: Clock,
      random: Random,
      wheel: TimerWheel,
      disconnectHooks: PendingWork,
    ) => {
      const { drainWindowMs, drainTimeoutMs } = lifecycle;
      const parts = { readiness, admission, routes, index, traffic, log, clock, random, wheel, disconnectHooks };
      return new DrainService({ ...parts, handovers, heartbeat, drainWindowMs, drainTimeoutMs });
    },
  },
  {
    provide: HoldfastAdapter,
    inject: [
      ...[HOLDFAST_OPTIONS, OWN_AUTHENTICATOR, AdmissionService, RouteTable, GatewayExplorer],
      ...[UnfinishedBytes, TimerWheel, Metrics, HttpAdapterHost, ApplicationConfig],
    ],
    useFactory: createAdapter,
  },
  Features,
  HoldfastRuntime,
];

function createAdapter(
  { admission: settings, hasKey, messages, decodeLimits }: ResolvedOptions,
  ownAuthenticator: Authenticator | null,
  admission: AdmissionService<Route>,
  routes: RouteTable,
  explorer: GatewayExplorer,
  unfinished: UnfinishedBytes,
  wheel: TimerWheel,
  metrics: Metrics,
  host: HttpAdapterHost,
  config: ApplicationConfig,
): HoldfastAdapter {
  const { useGlobalPrefix, handshakeTimeoutMs } = settings;
  const canAuthenticate = hasKey || ownAuthenticator !== null;
  const parser: { parse: MessageParser } = { parse: jsonParser(decodeLimits) };
  const formats = new Formats((frame) => parser.parse(frame));
  return new HoldfastAdapter({
    ...{ admission, routes, unfinished, wheel, handshakeTimeoutMs, host, parser },
    prefix: () => (useGlobalPrefix ? config.getGlobalPrefix() : ''),
    explore: () => explorer.explore({ useGlobalPrefix, canAuthenticate, messages, formats }),
    dispose: () => {
      wheel.stop();
      metrics.dispose();
    },
  });
}
