import { type Envelope, isReserved, ReservedEvent } from '@holdfast/protocol';
import type { Link } from '../connection/index.js';

/** What the receiver of a reserved frame can do about it. */
export interface FrameReply {
  readonly link: Link;
  /** A frame that broke the rules: answered, counted, and too many of them end the connection (PROTOCOL.md 5.3). */
  violate(code: string, message: string, id?: string | number): void;
  /** Sends a frame that belongs to a request, where there is one. @returns false when the connection is ending. */
  answer(envelope: Envelope, id: string | number | undefined): boolean;
}

/** Receives the frames of one reserved event, as SDK clients send them. */
export type ReservedFrame = (reply: FrameReply, data: unknown, id: string | number | undefined) => void;

/** A feature that receives reserved frames. */
export interface ReceivesFrames {
  /** By event. */
  readonly reservedFrames: Readonly<Record<string, ReservedFrame>>;
}

/** The frames of the protocol itself: who receives which. */
export class ReservedFrames {
  readonly #receivers = new Map<string, ReservedFrame>();

  /** @throws Error for an event that belongs to another feature, or is not reserved. */
  register(event: string, receiver: ReservedFrame): void {
    if (!isReserved(event)) throw new Error(`"${event}" is no reserved event: those begin with "$"`);
    if (this.#receivers.has(event)) throw new Error(`The reserved event "${event}" belongs to another feature`);
    this.#receivers.set(event, receiver);
  }

  /** A frame of an SDK client. */
  receive(reply: FrameReply, { event, data, id }: Envelope): void {
    const receiver = this.#receivers.get(event);
    if (!reply.link.isAdmitted && event !== ReservedEvent.hello) rejectEarly(reply, id);
    else if (receiver) receiver(reply, data, id);
    else reply.violate('RESERVED_EVENT', "This reserved event is not a client's to send", id);
  }
}

/** Anything but `$hello` before `$welcome`, which ends the connection. */
export function rejectEarly(reply: FrameReply, id: string | number | undefined): void {
  reply.violate('MALFORMED_FRAME', 'The first frame must be $hello, and nothing may follow it before $welcome', id);
}
