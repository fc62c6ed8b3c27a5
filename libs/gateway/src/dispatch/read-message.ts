import { type Envelope, isReserved } from '@holdfast/protocol';
import { RAW_EVENT, type WireFormat } from '../format/index.js';
import type { BoundedLog } from '../ground/index.js';
import type { Counters } from '../telemetry/index.js';
import type { HandlerPlan } from './handler-plan.js';
import type { Message } from './inbox.js';
import type { Frame } from './message-bytes.js';

type Handlers = ReadonlyMap<string, HandlerPlan>;

/** @returns undefined for a frame that says nothing to the format, which is counted. */
export function readAs(
  format: WireFormat,
  frame: Frame,
  handlers: Handlers,
  { counters, log }: { readonly counters: Counters; readonly log: BoundedLog },
): Message | undefined {
  try {
    const wire = format.decode(frame);
    const plan = wire && handlers.get(wire.event);
    if (plan && (!isReserved(wire.event) || wire.event === RAW_EVENT))
      return { plan, data: wire.data, id: undefined, trace: undefined, frame, wire };
    counters.add('ignored', wire ? 'UNKNOWN_EVENT' : 'MALFORMED_FRAME');
  } catch (error) {
    counters.add('ignored', 'MALFORMED_FRAME');
    // At debug level, because the peer chooses what it sends.
    log.debug(`format:${format.name}`, () => `The format "${format.name}" cannot decode a frame: ${String(error)}`);
  }
  return undefined;
}

export function messageOf(plan: HandlerPlan, { data, id, trace }: Envelope, frame: Frame): Message {
  return { plan, data, id, trace, frame, wire: undefined };
}
