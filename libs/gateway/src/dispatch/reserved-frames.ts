import { type Envelope, isReserved, ReservedEvent } from '@holdfast/protocol';
import type { Link } from '../connection/index.js';
import type { Message } from './inbox.js';
import type { Frame } from './message-bytes.js';

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

/**
 * Makes a message of a frame of one reserved event, which then waits for its turn among the other messages.
 *
 * @throws what the frame is answered with
 */
export type ReservedMessage = (link: Link, envelope: Envelope, frame: Frame) => Message;

/** A feature that receives reserved frames. */
export interface ReceivesFrames {
  /** By event. */
  readonly reservedFrames?: Readonly<Record<string, ReservedFrame>>;
  /** By event; of those that have a handler of the application. */
  readonly reservedMessages?: Readonly<Record<string, ReservedMessage>>;
}

/** The frames of the protocol itself: who receives which. */
export class ReservedFrames {
  readonly #receivers = new Map<string, ReservedFrame>();
  readonly #messages = new Map<string, ReservedMessage>();

  /** @throws Error for an event that belongs to another feature, or is not reserved. */
  register(event: string, receiver: ReservedFrame): void {
    this.#check(event);
    this.#receivers.set(event, receiver);
  }

  /** @throws Error, see {@link register} */
  registerMessage(event: string, read: ReservedMessage): void {
    this.#check(event);
    this.#messages.set(event, read);
  }

  /** Undefined for events whose frames are no messages. */
  messageOf(event: string): ReservedMessage | undefined {
    return this.#messages.get(event);
  }

  /** A frame of an SDK client. */
  receive(reply: FrameReply, { event, data, id }: Envelope): void {
    const receiver = this.#receivers.get(event);
    if (!reply.link.isAdmitted && event !== ReservedEvent.hello) rejectEarly(reply, id);
    else if (receiver) receiver(reply, data, id);
    else reply.violate('RESERVED_EVENT', "This reserved event is not a client's to send", id);
  }

  #check(event: string): void {
    if (!isReserved(event)) throw new Error(`"${event}" is no reserved event: those begin with "$"`);
    if (this.#receivers.has(event) || this.#messages.has(event))
      throw new Error(`The reserved event "${event}" belongs to another feature`);
  }
}

/** Anything but `$hello` before `$welcome`, which ends the connection. */
export function rejectEarly(reply: FrameReply, id: string | number | undefined): void {
  reply.violate('MALFORMED_FRAME', 'The first frame must be $hello, and nothing may follow it before $welcome', id);
}
