export { Closing } from './closing.js';
export { HelloFrames } from './hello.js';
export { LinkObservers } from './observers.js';
export { Reception } from './reception.js';
