import type { HandlerPlan } from '../../src/dispatch/handler-plan.js';
import type { Message } from '../../src/dispatch/inbox.js';

export function planOf(event: string, concurrency?: number): HandlerPlan {
  return {
    index: 0,
    event,
    gateway: 'TestGateway',
    method: event,
    concurrency,
    streams: false,
    direct: undefined,
    limits: [],
    acknowledges: false,
  };
}

/** A message that is told from others by its number, of a frame of `length` characters or a few more. */
export function messageOf(plan: HandlerPlan, number: number, length = 0): Message {
  return { plan, data: number, id: number, trace: undefined, frame: `${number}`.padEnd(length), wire: undefined };
}
