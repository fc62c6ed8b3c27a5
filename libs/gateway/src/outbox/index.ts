export { OutboxOptions } from './outbox-options.js';
export { Outbox, type OutboxLimits, type OutboxOwner } from './outbox.js';
