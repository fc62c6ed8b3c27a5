export { type OriginsAllowed } from './admission/origin-policy.js';
export { AuthGuard } from './auth/auth.guard.js';
export { AuthOptions } from './auth/auth-options.js';
export { AuthenticationError, AuthenticatorUnavailableError } from './errors/authentication-error.js';
export { Authenticator } from './auth/authenticator.js';
export { type FactDecorator } from './auth/fact-decorator.js';
export { Handshake } from './auth/handshake.decorator.js';
export { JwtAuthenticator } from './auth/jwt-authenticator.js';
export { Principal } from './auth/principal.decorator.js';
export { Public } from './auth/public.decorator.js';
export { redactUrl } from './auth/token-sources.js';
export { type ConnectionEvents } from './connection/client-events.js';
export { Connection, type SendOptions } from './connection/connection.js';
export { type ConnectionStats } from './connection/connection-core.js';
export { type FrameData } from './connection/data-frame.js';
export { ConnectionRegistry } from './connection/connection-registry.js';
export { type RegistryEvents } from './connection/connection-index.js';
export { type ConnectionState, type StateChange } from './connection/connection-state.js';
export { type DisconnectCause } from './connection/disconnect-cause.js';
export { Concurrent } from './dispatch/concurrent.decorator.js';
export { type DrainReport } from './connection/drain-report.js';
export { isHandshake, MessagesOnly } from './gateways/handshake-guards.js';
export { HoldfastExceptionFilter } from './gateways/holdfast-exception.filter.js';
export { HoldfastError, type HoldfastErrorCode } from './errors/holdfast-error.js';
export { HoldfastException } from './errors/holdfast.exception.js';
export { type WireError, type WireFormat, type WireMessage, type WirePlace } from './format/wire-format.js';
export { type MessageParser } from './format/nest-format.js';
export { type FormatName } from './gateways/gateway-format.js';
export { RawMessage } from './gateways/raw-message.decorator.js';
export { Endpoint } from './gateways/endpoint.js';
export { HoldfastAdapter } from './module/holdfast.adapter.js';
export { HoldfastGateway } from './gateways/holdfast.gateway.js';
export { HoldfastModule } from './module/holdfast.module.js';
export { type HoldfastModuleExtras, type HoldfastOptionsFactory } from './module/holdfast.module-definition.js';
export { HoldfastOptions } from './module/options.js';
export { AdmissionOptions, RateOptions } from './admission/admission-options.js';
export { HeartbeatOptions } from './heartbeat/heartbeat-options.js';
export { MessageOptions } from './dispatch/message-options.js';
export { OutboxOptions } from './outbox/outbox-options.js';
export { LifecycleOptions } from './lifecycle/lifecycle-options.js';
export { Room, RoomPublish } from './rooms/room.decorator.js';
export { RoomHistoryOptions, RoomLimitOptions, RoomPolicyOptions } from './rooms/room-options.js';
export { type RoomPosition } from './rooms/room-position.js';
export { type PublishOptions, type RoomTarget } from './rooms/room-target.js';
export { type RoomHistory, type RoomPublication, Rooms } from './rooms/rooms.service.js';
export { EngineHealth, type EngineState } from './nodes/engine-health.js';
export { type DisconnectOptions, Nodes, type NodesOptions, type NodesResult } from './nodes/nodes.service.js';
export { ReadinessService } from './admission/readiness.service.js';
export { DrainService } from './drain/drain.service.js';
export { HeartbeatService } from './heartbeat/heartbeat.service.js';
export { type OverflowPolicy } from './outbox/outbox.js';
export { type Clock, type Random, systemClock, systemRandom, type TimerHandle } from '@holdfast/backplane';
export { HOLDFAST_CLOCK, HOLDFAST_RANDOM } from './ground/tokens.js';
export { Counters, type CounterName } from './telemetry/counters.js';
export {
  type LimitAlgorithm,
  type Limiter,
  type LimitRule,
  type LimitVerdict,
  MemoryLimiter,
  type MemoryLimiterOptions,
} from '@holdfast/backplane';
export { RateLimit, type RateLimitOptions, type RateLimitSubject } from './rate-limit/rate-limit.decorator.js';
export { RateLimitException } from './errors/rate-limit.exception.js';
export { RateLimitInterceptor } from './rate-limit/rate-limit.interceptor.js';
export { HOLDFAST_LIMITER } from './rate-limit/rate-limits.js';
export { HoldfastLogger } from './telemetry/holdfast-logger.js';
export { currentMessage, type MessageContext } from './telemetry/message-context.js';
export { TracingInterceptor } from './telemetry/tracing.interceptor.js';
