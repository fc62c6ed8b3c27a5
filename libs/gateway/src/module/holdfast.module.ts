import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { GatewayGuards } from '../gateways/gateway-guards.js';
import { HOLDFAST_AUTH_OPTIONS } from '../auth/auth.tokens.js';
import { Authenticator } from '../auth/authenticator.js';
import { JwtAuthenticator } from '../auth/jwt-authenticator.js';
import { UnconfiguredAuthenticator } from '../auth/unconfigured-authenticator.js';
import { ConnectionRegistry } from '../connection/connection-registry.js';
import { type Clock, systemClock } from '../ground/clock.js';
import { systemRandom } from '../ground/random.js';
import { HOLDFAST_CLOCK } from '../ground/tokens.js';
import { MemoryLimiter } from '../rate-limit/memory-limiter.js';
import { RateLimitInterceptor } from '../rate-limit/rate-limit.interceptor.js';
import { HOLDFAST_LIMITER, RateLimits } from '../rate-limit/rate-limits.js';
import { Tracing } from '../telemetry/tracing.js';
import { TracingInterceptor } from '../telemetry/tracing.interceptor.js';
import { Counters } from '../telemetry/counters.js';
import { GatewayExplorer } from '../gateways/gateway-explorer.js';
import {
  ConfigurableModuleClass,
  type HoldfastModuleExtras,
  MODULE_OPTIONS_TOKEN,
} from './holdfast.module-definition.js';
import { HoldfastRuntime } from './holdfast.runtime.js';
import type { HoldfastOptions } from './options.js';
import { ReadinessService } from './readiness.service.js';
import { type ResolvedOptions, resolveOptions } from './resolve-options.js';
import { HOLDFAST_OPTIONS, HOLDFAST_RANDOM, OWN_AUTHENTICATOR } from './tokens.js';

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
    { provide: HOLDFAST_CLOCK, useValue: systemClock },
    { provide: HOLDFAST_RANDOM, useValue: systemRandom },
    {
      provide: HOLDFAST_OPTIONS,
      inject: [MODULE_OPTIONS_TOKEN, OWN_AUTHENTICATOR],
      useFactory: (options: HoldfastOptions, own: Authenticator | null) => resolveOptions(options, own !== null),
    },
    { provide: HOLDFAST_AUTH_OPTIONS, inject: [HOLDFAST_OPTIONS], useFactory: ({ auth }: ResolvedOptions) => auth },
    {
      provide: Authenticator,
      inject: [HOLDFAST_OPTIONS, OWN_AUTHENTICATOR, HOLDFAST_CLOCK],
      useFactory: ({ auth, hasKey }: ResolvedOptions, own: Authenticator | null, clock: Clock) =>
        own ?? (hasKey ? new JwtAuthenticator(auth, clock) : new UnconfiguredAuthenticator()),
    },
    { provide: HOLDFAST_LIMITER, inject: [HOLDFAST_CLOCK], useFactory: (clock: Clock) => new MemoryLimiter({ clock }) },
    RateLimits,
    RateLimitInterceptor,
    Tracing,
    TracingInterceptor,
    ConnectionRegistry,
    Counters,
    GatewayGuards,
    GatewayExplorer,
    ReadinessService,
    HoldfastRuntime,
  ],
  exports: [
    RateLimits,
    RateLimitInterceptor,
    Tracing,
    TracingInterceptor,
    Authenticator,
    ConnectionRegistry,
    Counters,
    ReadinessService,
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
