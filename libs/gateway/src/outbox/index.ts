export { OutboxOptions } from './outbox-options.js';
export { Outbox, type OutboxLimits, type OutboxOwner, type OverflowPolicy } from './outbox.js';
