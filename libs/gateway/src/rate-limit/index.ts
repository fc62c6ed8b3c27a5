export { bindRateLimits, type BoundRateLimit, sharedRuleProblems } from './bound-rate-limit.js';
export { type Limiter, type LimitRule, MemoryLimiter } from '@holdfast/backplane';
export { RateLimitInterceptor } from './rate-limit.interceptor.js';
export { CONNECTION_LIMITER, HOLDFAST_LIMITER, RateLimits } from './rate-limits.js';
