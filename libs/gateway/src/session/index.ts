export { SessionOptions } from './session-options.js';
export { Sessions } from './sessions.js';
