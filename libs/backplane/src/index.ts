export type {
  Backplane,
  BackplaneSink,
  Once,
  PageLimits,
  Published,
  PublishOptions,
  ReadResult,
} from './contract/backplane.js';
export { BackplaneError, type BackplaneErrorCode, type BackplaneStage } from './contract/backplane-error.js';
export { type History, type RoomKind, roomKindOf } from './contract/history.js';
export type { NodeBeat, NodeRegistry } from './contract/node-registry.js';
export type { Position, Publication } from './contract/position.js';
export type {
  Claimed,
  Lease,
  Membership,
  NewSession,
  RoomChange,
  Session,
  SessionStore,
} from './contract/session-store.js';
export { isCost, limitRuleProblems } from './limits/limit-rule.js';
export type { LimitAlgorithm, Limiter, LimitRule, LimitVerdict } from './limits/limiter.js';
export { MemoryLimiter, type MemoryLimiterOptions } from './limits/memory-limiter.js';
export { createMeter, type Meter } from './limits/meters.js';
export { MemoryBackplane } from './memory/memory-backplane.js';
export { MemoryBroker, type MemoryBrokerOptions } from './memory/memory-broker.js';
export { type Clock, systemClock, type TimerHandle } from './ports/clock.js';
export { type Random, systemRandom } from './ports/random.js';
export type { HubCounts } from './rooms/hub-counts.js';
export type { HubSettings } from './rooms/hub-settings.js';
export { RoomHub, type RoomHubOptions } from './rooms/room-hub.js';
export type { RoomPolicy } from './rooms/room-policy.js';
export type { BreakReason, Joined, Member, Subscription } from './rooms/subscription.js';
