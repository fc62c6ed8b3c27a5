import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ReadinessService } from '../admission/index.js';
import { Authenticator, HOLDFAST_AUTH_OPTIONS } from '../auth/index.js';
import { ConnectionRegistry, Verifications } from '../connection/index.js';
import { DrainService } from '../drain/index.js';
import { HOLDFAST_CLOCK } from '../ground/index.js';
import { HeartbeatService } from '../heartbeat/index.js';
import { HOLDFAST_LIMITER, RateLimitInterceptor, RateLimits } from '../rate-limit/index.js';
import { EngineHealth, Nodes } from '../nodes/index.js';
import { Rooms } from '../rooms/index.js';
import { Counters, Tracing, TracingInterceptor } from '../telemetry/index.js';
import { connectionProviders } from './connection-providers.js';
import { groundProviders } from './ground-providers.js';
import {
  ConfigurableModuleClass,
  type HoldfastModuleExtras,
  MODULE_OPTIONS_TOKEN,
} from './holdfast.module-definition.js';
import { lifecycleProviders } from './lifecycle-providers.js';
import { messageProviders } from './message-providers.js';
import type { HoldfastOptions } from './options.js';
import { resolveOptions } from './resolve-options.js';
import { nodeProviders } from './node-providers.js';
import { roomProviders } from './room-providers.js';
import { HOLDFAST_OPTIONS, OWN_AUTHENTICATOR } from './tokens.js';

/**
 * Importing it once, `HoldfastModule.forRoot({ ... })` or `forRootAsync(...)`, is all an application has to do: every
 * `@WebSocketGateway()` is then served by Holdfast, and {@link ConnectionRegistry} can be injected anywhere.
 *
 * The boot fails with a HoldfastError `INVALID_OPTIONS` that names every wrong option, and with `INVALID_GATEWAY` that
 * names every gateway that cannot work.
 *
 * @publicApi
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    {
      provide: HOLDFAST_OPTIONS,
      inject: [MODULE_OPTIONS_TOKEN, OWN_AUTHENTICATOR],
      useFactory: (options: HoldfastOptions, own: Authenticator | null) => resolveOptions(options, own !== null),
    },
    ...groundProviders,
    ...connectionProviders,
    ...messageProviders,
    ...lifecycleProviders,
    ...nodeProviders,
    ...roomProviders,
  ],
  exports: [
    Authenticator,
    ConnectionRegistry,
    Counters,
    DrainService,
    EngineHealth,
    HeartbeatService,
    Nodes,
    RateLimits,
    RateLimitInterceptor,
    ReadinessService,
    Rooms,
    Tracing,
    TracingInterceptor,
    // AuthGuard is made in the modules that use it.
    Verifications,
    HOLDFAST_AUTH_OPTIONS,
    HOLDFAST_CLOCK,
    HOLDFAST_LIMITER,
  ],
})
export class HoldfastModule extends ConfigurableModuleClass {
  /** Every option has a default, so there may be none at all. */
  static override forRoot(options: HoldfastOptions & HoldfastModuleExtras = {}): DynamicModule {
    return super.forRoot(options);
  }
}
