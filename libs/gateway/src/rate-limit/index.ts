export { bindRateLimits, type BoundRateLimit, sharedRuleProblems } from './bound-rate-limit.js';
export type { Limiter, LimitRule } from './limiter.js';
export { MemoryLimiter } from './memory-limiter.js';
export { RateLimitInterceptor } from './rate-limit.interceptor.js';
export { HOLDFAST_LIMITER, RateLimits } from './rate-limits.js';
