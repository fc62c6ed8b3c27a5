import { createHash } from 'node:crypto';

/** The policy of the rooms of notifications. */
export const inboxPolicy = { pattern: 'inbox/:digest', history: { size: 50, ttlMs: 3_600_000 } };

/** The room of all devices of somebody. A digest, because subjects have characters that names of rooms do not have. */
export function inboxOf(subject: string): string {
  return `inbox/${createHash('sha256').update(subject).digest('base64url')}`;
}
