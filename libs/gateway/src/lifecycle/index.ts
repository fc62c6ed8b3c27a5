export { Closing } from './closing.js';
export { Handovers } from './handovers.js';
export { HelloFrames } from './hello.js';
export { LifecycleOptions } from './lifecycle-options.js';
export { LinkObservers } from './observers.js';
export { Reception } from './reception.js';
export type { Resumption } from './resumption.js';
