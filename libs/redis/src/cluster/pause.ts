import type { Clock } from '@holdfast/backplane';

/** Milliseconds until a call is tried again that a server has refused because a slot moves. */
export const pauseMs = 25;

export function pause(clock: Clock, ms = pauseMs): Promise<void> {
  return new Promise((resolve) => clock.schedule(resolve, ms));
}
