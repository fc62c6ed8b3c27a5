import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { AdmissionService, type Readiness } from '../admission/admission.service.js';
import { createAddressResolver } from '../admission/client-address.js';
import { ConnectionLimits } from '../admission/connection-limits.js';
import { GatewayGuards } from '../gateways/gateway-guards.js';
import { createOriginPolicy } from '../admission/origin-policy.js';
import { Authenticator } from '../auth/authenticator.js';
import { ExpiryWatch } from '../auth/expiry-watch.js';
import { ConnectionRegistry } from '../connection/connection-registry.js';
import { Dispatcher } from '../dispatch/dispatcher.js';
import { Replier } from '../dispatch/replier.js';
import { Turns } from '../dispatch/turns.js';
import { DrainService } from '../drain/drain.service.js';
import { HoldfastError } from '../errors/holdfast-error.js';
import { HeartbeatService } from '../heartbeat/heartbeat.service.js';
import { UnfinishedBytes } from '../intake/unfinished-bytes.js';
import { Connector } from '../lifecycle/connector.js';
import type { GatewayServices } from '../lifecycle/gateway-services.js';
import { PendingWork } from '../ground/pending-work.js';
import { SdkFrames } from '../lifecycle/sdk-frames.js';
import type { Clock } from '../ground/clock.js';
import type { Random } from '../ground/random.js';
import { TimerWheel } from '../ground/timer-wheel.js';
import { HOLDFAST_CLOCK } from '../ground/tokens.js';
import { MemoryLimiter } from '../rate-limit/memory-limiter.js';
import { BoundedLog } from '../ground/bounded-log.js';
import { RateLimits } from '../rate-limit/rate-limits.js';
import { Tracing } from '../telemetry/tracing.js';
import { Census } from '../telemetry/census.js';
import { Metrics } from '../telemetry/metrics.js';
import { Traffic } from '../telemetry/traffic.js';
import { Counters } from '../telemetry/counters.js';
import { afterBootstrap } from '../nest/boot-watch.js';
import { GatewayExplorer } from '../gateways/gateway-explorer.js';
import { HoldfastAdapter } from './holdfast.adapter.js';
import { ReadinessService } from './readiness.service.js';
import type { ResolvedOptions } from './resolve-options.js';
import { HOLDFAST_OPTIONS, HOLDFAST_RANDOM, OWN_AUTHENTICATOR } from './tokens.js';

/** Puts the parts together and takes them through the life of the application. */
@Injectable()
export class HoldfastRuntime implements OnModuleInit, OnApplicationBootstrap {
  readonly #adapter: HoldfastAdapter;
  readonly #drain: DrainService;

  constructor(
    @Inject(HOLDFAST_OPTIONS) options: ResolvedOptions,
    @Inject(HOLDFAST_CLOCK) clock: Clock,
    @Inject(HOLDFAST_RANDOM) random: Random,
    @Inject(OWN_AUTHENTICATOR) ownAuthenticator: Authenticator | null,
    authenticator: Authenticator,
    registry: ConnectionRegistry,
    counters: Counters,
    guards: GatewayGuards,
    tracing: Tracing,
    rateLimits: RateLimits,
    explorer: GatewayExplorer,
    private readonly readiness: ReadinessService,
    private readonly config: ApplicationConfig,
    private readonly host: HttpAdapterHost,
    private readonly modules: ModulesContainer,
  ) {
    const services = createServices({
      options,
      clock,
      random,
      authenticator,
      registry,
      counters,
      guards,
      tracing,
      rateLimits,
      log: new BoundedLog('Holdfast', clock),
    });
    this.#adapter = new HoldfastAdapter({
      services,
      admission: createAdmission(services, guards, readiness),
      host,
      prefix: () => (options.admission.useGlobalPrefix ? config.getGlobalPrefix() : ''),
      explore: () => explorer.explore(options, options.hasKey || ownAuthenticator !== null),
    });
    this.#drain = new DrainService(services, random);
    // Before `init()`, when Nest binds its gateways; a lifecycle hook would be too late.
    config.setIoAdapter(this.#adapter);
  }

  onModuleInit(): void {
    const installed: unknown = this.config.getIoAdapter();
    if (installed !== this.#adapter) {
      const remedy =
        installed instanceof HoldfastAdapter
          ? 'another HoldfastModule.forRoot() did the same: import it once, it is global'
          : 'another one replaced it: remove app.useWebSocketAdapter(...)';
      throw new HoldfastError('ADAPTER_REPLACED', `HoldfastModule installs its own WebSocket adapter, but ${remedy}`);
    }
    this.#drainBeforeShutdown();
    afterBootstrap(this.modules, () => {
      this.readiness.moveTo('ready');
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    for (const { inits } of this.#adapter.endpoints) await Promise.all(inits);
    try {
      await this.#adapter.listen();
    } catch (error) {
      // Deadlines still work: the application may yet be closed, and its hooks have only so much time.
      await this.#adapter.release();
      throw error;
    }
  }

  /** `beforeClose` is the one hook that Nest awaits before `onModuleDestroy` of anybody: databases are still there. */
  #drainBeforeShutdown(): void {
    // Nest awaits what `beforeClose` returns; only the type of its base class does not say so. Nor does the type of the
    // host say that an application context, which has no server, has no adapter either.
    const adapter = this.host.httpAdapter as { beforeClose?: () => unknown } | null;
    if (!adapter) return;
    const original = adapter.beforeClose?.bind(adapter);
    adapter.beforeClose = async () => {
      this.readiness.moveTo('draining');
      this.#adapter.refusePending();
      await this.#drain.run(this.#adapter.endpoints);
      await original?.();
    };
  }
}

type Ingredients = Pick<
  GatewayServices,
  'options' | 'clock' | 'registry' | 'counters' | 'tracing' | 'rateLimits' | 'log'
> & {
  readonly random: Random;
  readonly authenticator: Authenticator;
  readonly guards: GatewayGuards;
};

function createServices({ random, authenticator, guards, ...given }: Ingredients): GatewayServices {
  const { options, clock, counters, registry, log } = given;
  const census = new Census();
  const traffic = new Traffic();
  const unfinished = new UnfinishedBytes(options.messages.unfinishedBytes, (bytes, limit) => {
    counters.add('shed', 'unfinishedBytes');
    log.warn(
      'shed',
      `Messages that have not arrived whole hold more than messages.unfinishedBytes (${limit}): ` +
        `the connection that holds most, ${bytes} bytes, is closed`,
    );
  });
  const metrics = new Metrics({ counters, census, traffic, registry, unfinished });
  return {
    ...given,
    census,
    traffic,
    metrics,
    unfinished,
    wheel: new TimerWheel(clock, {
      onStall: (stallMs) => {
        log.warn(
          'stall',
          `The event loop stood still for ${Math.round(stallMs)} ms; deadlines of connections were moved by as much`,
        );
      },
      onTaskError: (error) => {
        log.error('deadline', 'A deadline could not be handled', error);
      },
    }),
    heartbeat: new HeartbeatService(options.heartbeat, clock, random, counters, metrics),
    expiry: new ExpiryWatch(options.auth, clock),
    dispatcher: new Dispatcher(new Replier(), new SdkFrames(authenticator)),
    turns: new Turns(clock),
    connector: new Connector(guards),
    goodbyes: new PendingWork(),
  };
}

function createAdmission(services: GatewayServices, guards: GatewayGuards, readiness: Readiness): AdmissionService {
  const { admission } = services.options;
  return new AdmissionService({
    services,
    guards,
    readiness,
    limits: new ConnectionLimits(admission),
    limiter: new MemoryLimiter({ clock: services.clock }),
    originPolicy: createOriginPolicy({ allowed: admission.origins, allowMissing: admission.allowMissingOrigin }),
    resolveAddress: createAddressResolver(admission.trustedProxies),
  });
}
