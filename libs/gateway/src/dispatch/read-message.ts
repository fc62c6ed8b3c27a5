import { decode, type DecodeLimits, type Envelope } from '@holdfast/protocol';
import type { WireFormat } from '../format/index.js';
import type { BoundedLog } from '../ground/index.js';
import type { Counters } from '../telemetry/index.js';
import { type HandlerPlan, ROOM_EVENT } from './handler-plan.js';
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
    if (plan && !wire.event.startsWith(ROOM_EVENT))
      return { plan, data: wire.data, id: undefined, trace: undefined, frame, wire };
    counters.add('ignored', wire ? 'UNKNOWN_EVENT' : 'MALFORMED_FRAME');
  } catch (error) {
    counters.add('ignored', 'MALFORMED_FRAME');
    // At debug level, because the peer chooses what it sends.
    log.debug(`format:${format.name}`, () => `The format "${format.name}" cannot decode a frame: ${String(error)}`);
  }
  return undefined;
}

/** @returns undefined for what is no envelope, or has no handler. */
export function readEnvelope(frame: Frame, handlers: Handlers, limits: DecodeLimits): Message | undefined {
  const decoded = decode(frame.toString(), limits);
  const plan = decoded.ok ? handlers.get(decoded.envelope.event) : undefined;
  return decoded.ok && plan ? messageOf(plan, decoded.envelope, frame) : undefined;
}

export function messageOf(plan: HandlerPlan, { data, id, trace }: Envelope, frame: Frame): Message {
  return { plan, data, id, trace, frame, wire: undefined };
}
