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

export function messageOf(plan: HandlerPlan, number: number, bytes = 1): Message {
  return { plan, data: number, id: number, trace: undefined, bytes };
}
