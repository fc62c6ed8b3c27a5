export { Census } from './census.js';
export { Counters } from './counters.js';
export { isFollowing, runFor } from './message-context.js';
export { Metrics } from './metrics.js';
export { Tracing } from './tracing.js';
export { TracingInterceptor } from './tracing.interceptor.js';
export { Traffic } from './traffic.js';
export { TrafficMeter } from './traffic-meter.js';
export { ReturnWindow } from './return-window.js';
