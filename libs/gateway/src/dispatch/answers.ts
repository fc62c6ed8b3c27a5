import { encode, type Envelope, type ErrorData, isReserved, ReservedEvent } from '@holdfast/protocol';
import { dataFrame, textFrame } from '../connection/index.js';
import type { WireFormat, WireMessage } from '../format/index.js';
import type { HandlerPlan } from './handler-plan.js';

/** The message that is answered. */
export interface Answered {
  readonly plan: HandlerPlan;
  readonly id: string | number | undefined;
  /** As its format read it; undefined for an envelope. */
  readonly wire?: WireMessage | undefined;
}

/**
 * Makes frames of what the sender of a message is told. Where nothing is to be sent, there is no frame.
 *
 * Each method throws what keeps it from encoding what it was given.
 */
export interface Answers {
  /** The one reply, as a handler has returned it. */
  reply(to: Answered, value: unknown): Buffer | undefined;
  /** The one reply, as a handler has given it to its acknowledgement function. */
  acknowledge(to: Answered, value: unknown): Buffer | undefined;
  /** A value of a stream. */
  next(to: Answered, value: unknown): Buffer | undefined;
  /** A stream has ended. */
  end(to: Answered): Buffer | undefined;
  /** @param exception - what was thrown; undefined where Holdfast refused the message itself. */
  error(to: Answered, error: ErrorData, exception: unknown): Buffer | undefined;
}

/** PROTOCOL.md 4. */
export class EnvelopeAnswers implements Answers {
  constructor(private readonly maxEventLength: number) {}

  reply(to: Answered, value: unknown): Buffer | undefined {
    return this.#value(to, ReservedEvent.reply, value);
  }

  acknowledge({ id }: Answered, value: unknown): Buffer | undefined {
    return id === undefined ? undefined : frameOf({ event: ReservedEvent.reply, data: value ?? null, id });
  }

  next(to: Answered, value: unknown): Buffer | undefined {
    return this.#value(to, ReservedEvent.next, value);
  }

  end({ id }: Answered): Buffer | undefined {
    return id === undefined ? undefined : frameOf({ event: ReservedEvent.end, id });
  }

  error({ id }: Answered, data: ErrorData): Buffer {
    return frameOf(withId({ event: ReservedEvent.error, data }, id));
  }

  #value({ id, plan }: Answered, reserved: string, value: unknown): Buffer | undefined {
    const chosen = this.#eventResponse(value);
    if (chosen) return frameOf(withId(chosen, id));
    if (id !== undefined) return frameOf({ event: reserved, data: value ?? null, id });
    return value === undefined ? undefined : frameOf({ event: plan.event, data: value });
  }

  /**
   * Nest's `WsResponse`: a handler chooses the event it answers with. Names of the protocol are not the handler's to
   * choose, and what is no name at all would be a frame that no client can read.
   *
   * @returns undefined for any other value, also for one that cannot be looked at: that is said when it cannot be
   *   encoded.
   */
  #eventResponse(result: unknown): Envelope | undefined {
    if (typeof result !== 'object' || result === null) return undefined;
    try {
      if (!('event' in result) || !('data' in result)) return undefined;
      const { event, data } = result;
      return this.#isName(event) ? { event, data } : undefined;
    } catch {
      return undefined;
    }
  }

  #isName(event: unknown): event is string {
    if (typeof event !== 'string' || isReserved(event)) return false;
    return event.length > 0 && event.length <= this.maxEventLength;
  }
}

const known = new WeakMap<WireFormat, FormatAnswers>();

/** Answers as a format of a gateway has them. */
export function answersOf(format: WireFormat): Answers {
  const answers = known.get(format) ?? new FormatAnswers(format);
  known.set(format, answers);
  return answers;
}

/** What a {@link WireFormat} says of an answer. */
class FormatAnswers implements Answers {
  constructor(private readonly format: WireFormat) {}

  reply({ wire }: Answered, value: unknown): Buffer | undefined {
    return wire && frameOfData(this.format.encodeReply(value, wire));
  }

  acknowledge(to: Answered, value: unknown): Buffer | undefined {
    return this.reply(to, value);
  }

  next(to: Answered, value: unknown): Buffer | undefined {
    return this.reply(to, value);
  }

  /** Formats have no end of a stream. */
  end(): undefined {
    return undefined;
  }

  error({ wire }: Answered, error: ErrorData, exception: unknown): Buffer | undefined {
    return wire && frameOfData(this.format.encodeError?.({ ...error, exception }, wire));
  }
}

function withId(envelope: Envelope, id: string | number | undefined): Envelope {
  if (id !== undefined) envelope.id = id;
  return envelope;
}

function frameOf(envelope: Envelope): Buffer {
  const encoded = encode(envelope);
  if (encoded.ok) return textFrame(encoded.text);
  throw new TypeError(encoded.error.message);
}

function frameOfData(data: string | Uint8Array | undefined): Buffer | undefined {
  return data === undefined ? undefined : dataFrame(data, undefined);
}
