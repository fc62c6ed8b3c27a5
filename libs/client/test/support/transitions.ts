import type { ConnectionState } from '../../src/index.js';

/** Where each state may lead to. Nothing else may happen, whatever the world does. */
export const legalTransitions: Record<ConnectionState, readonly ConnectionState[]> = {
  idle: ['connecting', 'closed'],
  connecting: ['open', 'waiting', 'closed', 'failed'],
  open: ['waiting', 'closed', 'failed'],
  waiting: ['connecting', 'waiting', 'closed'],
  closed: ['connecting'],
  failed: ['connecting', 'waiting', 'closed'],
};
