export { type OriginsAllowed } from './admission/origin-policy.js';
export { AuthGuard } from './auth/auth.guard.js';
export { AuthOptions } from './auth/auth-options.js';
export { AuthenticationError, AuthenticatorUnavailableError } from './errors/authentication-error.js';
export { Authenticator } from './auth/authenticator.js';
export { Handshake } from './auth/handshake.decorator.js';
export { JwtAuthenticator } from './auth/jwt-authenticator.js';
export { Principal } from './auth/principal.decorator.js';
export { Public } from './auth/public.decorator.js';
export { redactUrl } from './auth/token-sources.js';
export { Connection, type ConnectionStats } from './connection/connection.js';
export { ConnectionRegistry } from './connection/connection-registry.js';
export { type RegistryEvents } from './connection/connection-index.js';
export { type ConnectionState, type StateChange } from './connection/connection-state.js';
export { type DisconnectCause } from './connection/disconnect-cause.js';
export { Concurrent } from './dispatch/concurrent.decorator.js';
export { type DrainReport } from './connection/drain-report.js';
export { HoldfastExceptionFilter } from './gateways/holdfast-exception.filter.js';
export { HoldfastError, type HoldfastErrorCode } from './errors/holdfast-error.js';
export { HoldfastException } from './errors/holdfast.exception.js';
export { Endpoint } from './gateways/endpoint.js';
export { HoldfastAdapter } from './module/holdfast.adapter.js';
export { HoldfastGateway } from './gateways/holdfast.gateway.js';
export { HoldfastModule } from './module/holdfast.module.js';
export { type HoldfastModuleExtras, type HoldfastOptionsFactory } from './module/holdfast.module-definition.js';
export {
  AdmissionOptions,
  HeartbeatOptions,
  HoldfastOptions,
  LifecycleOptions,
  MessageOptions,
  OutboxOptions,
  RateOptions,
} from './module/options.js';
export { ReadinessService } from './admission/readiness.service.js';
export { DrainService } from './drain/drain.service.js';
export { HeartbeatService } from './heartbeat/heartbeat.service.js';
export { type OverflowPolicy } from './outbox/outbox.js';
export { type Clock, systemClock, type TimerHandle } from './ground/clock.js';
export { type Random, systemRandom } from './ground/random.js';
export { HOLDFAST_CLOCK, HOLDFAST_RANDOM } from './ground/tokens.js';
export { Counters, type CounterName } from './telemetry/counters.js';
export { type Limiter, type LimitAlgorithm, type LimitRule, type LimitVerdict } from './rate-limit/limiter.js';
export { MemoryLimiter, type MemoryLimiterOptions } from './rate-limit/memory-limiter.js';
export { RateLimit, type RateLimitOptions, type RateLimitSubject } from './rate-limit/rate-limit.decorator.js';
export { RateLimitException } from './errors/rate-limit.exception.js';
export { RateLimitInterceptor } from './rate-limit/rate-limit.interceptor.js';
export { HOLDFAST_LIMITER } from './rate-limit/rate-limits.js';
export { HoldfastLogger } from './telemetry/holdfast-logger.js';
export { currentMessage, type MessageContext } from './telemetry/message-context.js';
export { TracingInterceptor } from './telemetry/tracing.interceptor.js';
